"""The wire to every vendor: one request, one answer, two errors."""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote

import requests
from urllib3.exceptions import NewConnectionError

from botaniqal import counters, logs
from botaniqal.errors import DomainError
from botaniqal.integrations import answering
from botaniqal.integrations.limits import Busy, Limit, pause, within

LONGEST_WAIT_SECONDS = 86_400
# Everybody holds back as long as the vendor says, but looks again after an hour, since no person can end a pause.
LONGEST_PAUSE_SECONDS = 3_600
PAUSE_SECONDS = 5
MACHINE_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]-]{0,60}")

# It writes addresses down, and a patient's e-mail may stand in the query.
logging.getLogger("urllib3").setLevel(logging.ERROR)

Answer = TypeVar("Answer")
Words = Mapping[str, str | int]
NONE: Words = {}

log = logging.getLogger(__name__)


class VendorUnavailable(Exception):
    """
    The vendor gave no answer that can be used: try again later.

    An ambiguous request may have been carried out all the same: look it up before it is tried again.
    """

    def __init__(self, message: str, *, is_ambiguous: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.is_ambiguous = is_ambiguous
        self.retry_after = retry_after


class VendorBusy(VendorUnavailable):
    """Our own limit for the vendor is used up, so nothing was sent: no failure, and not counted as a try."""


class VendorRefused(Exception):
    """The vendor understood and said no: a person looks. `parameters` are its own words for what it did not like."""

    def __init__(self, message: str, *, status: int, parameters: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.parameters = parameters


@contextmanager
def counted(vendor: str) -> Iterator[None]:
    """Note how long a call to a vendor took, what came of it, and whether the vendor answers."""
    with counters.timed("vendor_call_duration_seconds", vendor=vendor.lower(), outcome="failed") as told:
        try:
            yield
        except VendorBusy:
            told["outcome"] = "held_back"
            raise
        except VendorUnavailable:
            told["outcome"] = "unavailable"
            answering.note(vendor, is_up=False)
            raise
        except (VendorRefused, DomainError):
            told["outcome"] = "refused"
            answering.note(vendor, is_up=True)
            raise
        told["outcome"] = "ok"
        answering.note(vendor, is_up=True)


class Wire:
    """
    A line to one vendor, which asks once, waits `timeout` seconds and follows no redirect.

    Paths are templates (`/events/{id}`) filled from `ids`, so that errors can name the path without a person's id in
    it. `read` turns the parsed JSON into what the caller wants; an answer that it cannot read counts as none.

    A call counts under the line's `limit` and under its own; both are asked before anything is sent. Where the vendor
    asks for a pause, the narrower of the two is paused.
    """

    def __init__(
        self,
        *,
        vendor: str,
        base_url: str,
        token: str,
        timeout: float,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
    ) -> None:
        self._vendor = vendor
        self._limit = limit
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", **(headers or {})})
        if token:
            # An auth callable, because a .netrc entry of the host would replace a plain header.
            self._session.auth = _bearer(token)

    def get(
        self,
        path: str,
        *,
        ids: Words = NONE,
        query: Words = NONE,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
        read: Callable[[Any], Answer],
    ) -> Answer:
        """
        Fetch what stands at a path.

        :raises VendorUnavailable: no answer that can be used.
        :raises VendorRefused: the vendor said no.
        """
        return self._ask("GET", path, self._url(path, ids), read, limit, params=query, headers=headers)

    def follow(
        self,
        link: str,
        *,
        path: str,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
        read: Callable[[Any], Answer],
    ) -> Answer:
        """
        Fetch a link that the vendor gave in an answer from `path`, never from another host.

        :raises VendorUnavailable: the link leads elsewhere, or no answer that can be used.
        :raises VendorRefused: the vendor said no.
        """
        # By prefix, since libraries disagree on the host of "https://a\@b/"; the token must not follow either of them.
        if not link.startswith(f"{self._base_url}/"):
            raise VendorUnavailable(self._said("GET", path, "a link to another host"))
        return self._ask("GET", path, link, read, limit, headers=headers)

    def post(
        self,
        path: str,
        *,
        ids: Words = NONE,
        json: Any = None,
        form: Words | None = None,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
        read: Callable[[Any], Answer],
    ) -> Answer:
        """
        Send a new thing, once, as JSON or as a form.

        :raises VendorUnavailable: no answer that can be used; `is_ambiguous` when it may have been carried out.
        :raises VendorRefused: the vendor said no.
        """
        return self._ask("POST", path, self._url(path, ids), read, limit, json=json, data=form, headers=headers)

    def put(
        self, path: str, *, ids: Words = NONE, json: Any, limit: Limit | None = None, read: Callable[[Any], Answer]
    ) -> Answer:
        """
        Replace a thing, once.

        :raises VendorUnavailable: no answer that can be used; `is_ambiguous` when it may have been carried out.
        :raises VendorRefused: the vendor said no.
        """
        return self._ask("PUT", path, self._url(path, ids), read, limit, json=json)

    def patch(
        self,
        path: str,
        *,
        ids: Words = NONE,
        json: Any,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
        read: Callable[[Any], Answer],
    ) -> Answer:
        """
        Change some of a thing, once.

        :raises VendorUnavailable: no answer that can be used; `is_ambiguous` when it may have been carried out.
        :raises VendorRefused: the vendor said no.
        """
        return self._ask("PATCH", path, self._url(path, ids), read, limit, json=json, headers=headers)

    def delete(
        self,
        path: str,
        *,
        ids: Words = NONE,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
    ) -> None:
        """
        Remove a thing, once.

        :raises VendorUnavailable: no answer that can be used; `is_ambiguous` when it may have been carried out.
        :raises VendorRefused: the vendor said no.
        """
        self._ask("DELETE", path, self._url(path, ids), lambda _: None, limit, headers=headers)

    def unusable(self, path: str, why: str) -> VendorUnavailable:
        """Make the error for a list whose pages make no sense together."""
        return VendorUnavailable(self._said("GET", path, why))

    def _ask(
        self,
        method: str,
        path: str,
        url: str,
        read: Callable[[Any], Answer],
        limit: Limit | None,
        **content: Any,
    ) -> Answer:
        with counted(self._vendor):
            is_write, began = method != "GET", time.monotonic()
            limits = [each for each in (self._limit, limit) if each]
            try:
                with within(*limits, vendor=self._vendor):
                    response, was_sent = self._send(method, url, content)
                    if limits and response is not None:
                        pause(limits[-1].name, _pause(response))
            except Busy as busy:
                raise VendorBusy(str(busy), retry_after=busy.seconds) from None
            status = response.status_code if response is not None else "no answer"
            log.info("%s in %d ms", self._said(method, path, str(status)), (time.monotonic() - began) * 1000)
            if response is None:
                raise VendorUnavailable(self._said(method, path, "no answer"), is_ambiguous=is_write and was_sent)

            if status == 429 or status >= 500:
                raise VendorUnavailable(
                    self._said(method, path, str(status)),
                    is_ambiguous=is_write and status != 429,
                    retry_after=retry_after(status, response.headers),
                )
            if status >= 400:
                parameters = _parameters(response)
                said = f"{status} ({', '.join(parameters)})" if parameters else str(status)
                raise VendorRefused(self._said(method, path, said), status=status, parameters=parameters)
            if status >= 300:
                raise VendorUnavailable(self._said(method, path, f"{status}, a redirect"), is_ambiguous=is_write)

            try:
                return read(None if status == 204 or not response.content else response.json())
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
                pass
            raise VendorUnavailable(self._said(method, path, f"{status}, not what it promised"), is_ambiguous=is_write)

    def _send(self, method: str, url: str, content: dict[str, Any]) -> tuple[requests.Response | None, bool]:
        content["headers"] = {**(content.get("headers") or {}), **logs.to_send()}
        # Nothing is raised from here: the library's errors quote the address, query and body.
        try:
            return self._session.request(method, url, timeout=self._timeout, allow_redirects=False, **content), True
        except requests.RequestException as error:
            return None, not _is_unsent(error)

    def _url(self, path: str, ids: Words) -> str:
        values = {name: quote(str(value), safe="") for name, value in ids.items()}
        if not {"", ".", ".."}.isdisjoint(values.values()):
            raise ValueError(self._said("any", path, "an id is missing or walks the path"))
        return self._base_url + path.format_map(values)

    def _said(self, method: str, path: str, what: str) -> str:
        return f"{self._vendor} {method} {path}: {what}"


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _is_unsent(error: requests.RequestException) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def retry_after(status: int, headers: Mapping[str, str]) -> float | None:
    """Read for how many seconds the vendor asks to be left alone."""
    # Calendly sends no Retry-After but, with every answer, the seconds until its window opens anew.
    return _seconds(headers.get("Retry-After") or (headers.get("X-RateLimit-Reset") if status == 429 else None) or "")


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return seconds if 0 <= seconds <= LONGEST_WAIT_SECONDS else None


def _pause(response: requests.Response) -> float:
    """Read for how long the vendor wants nobody to call: it said so, or this was the last call that it allows."""
    status, headers = response.status_code, response.headers
    asked = retry_after(status, headers)
    if status == 429:
        asked = PAUSE_SECONDS if asked is None else asked
    elif headers.get("X-RateLimit-Remaining") == "0":
        asked = _seconds(headers.get("X-RateLimit-Reset", ""))
    elif status != 503:
        asked = None
    return min(asked or 0, LONGEST_PAUSE_SECONDS)


def _parameters(response: requests.Response) -> tuple[str, ...]:
    """Pick the machine words out of a refusal: its sentences may quote what the patient typed."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return ()
    if not isinstance(body, dict):
        return ()
    rows = [row for key in ("details", "errors") if isinstance(body.get(key), list) for row in body[key]]
    rows.append(body.get("error"))
    words = [row.get(key) for row in rows if isinstance(row, dict) for key in ("parameter", "code")]
    return tuple(word for word in words if isinstance(word, str) and MACHINE_WORD.fullmatch(word))
