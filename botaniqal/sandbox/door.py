"""The one way into a stand-in's API: call log, fault dial, key, body, errors in the vendor's form."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from botaniqal.sandbox import contracts, dial
from botaniqal.sandbox.contracts import Schema
from botaniqal.sandbox.vendors import Refused, Vendor

Verb = Callable[..., HttpResponseBase]
# Counts a call against the vendor's limits: answers the headers to tell, raises Refused where it is one too many.
Meter = Callable[[HttpRequest], dict[str, str]]


class CallLog:
    """The latest calls, newest last, without query or body: those may name a patient."""

    def __init__(self, length: int) -> None:
        self._lock = threading.Lock()
        self._calls: deque[dict[str, Any]] = deque(maxlen=length)

    def begin(self, *, vendor: str, method: str, path: str, request_id: str) -> dict[str, Any]:
        """Note a call that has just come in; its status is filled in once it is answered."""
        call = {
            "vendor": vendor,
            "method": method,
            "path": path,
            "status": None,
            "milliseconds": None,
            "request_id": request_id,
            "at": timezone.now().isoformat(),
        }
        with self._lock:
            self._calls.append(call)
        return call

    def of(self, vendor: str | None = None) -> Iterator[dict[str, Any]]:
        """Read the calls of one vendor, or all."""
        with self._lock:
            calls = list(self._calls)
        return (dict(call) for call in calls if vendor in (None, call["vendor"]))

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()


calls = CallLog(5000)


def door(vendor: Vendor, group: str, *, meter: Meter | None = None, **verbs: Verb) -> Callable[..., HttpResponseBase]:
    """Make the view of one address out of a function per method."""

    @csrf_exempt
    def view(request: HttpRequest, **path: str) -> HttpResponseBase:
        started = time.monotonic()
        call = calls.begin(vendor=vendor.name, method=request.method, path=request.path, request_id=_id_of(request))
        drawn = dial.draw(vendor=vendor.name, group=group, method=request.method)
        headers = {}
        try:
            drawn.before()
            headers = meter(request) if meter else {}
            response = _work(request, path)
            drawn.after()
        except Refused as refused:
            response = vendor.refuse(refused)
        for name, value in headers.items():
            response.headers[name] = value
        call |= {"status": response.status_code, "milliseconds": round((time.monotonic() - started) * 1000)}
        return response

    def _work(request: HttpRequest, path: dict[str, str]) -> HttpResponseBase:
        if not vendor.admits(request):
            raise Refused(401, "The access token is invalid")
        if request.method not in verbs:
            raise Refused(405, "This address does not know the method")
        return verbs[request.method](request, **path)

    return view


def _id_of(request: HttpRequest) -> str:
    """Read under which id the caller knows the call, so that both sides' logs can be held beside each other."""
    return request.headers.get("X-Request-ID", "")[:64]


def body_of(request: HttpRequest, schema: Schema) -> dict[str, Any]:
    """
    Read a JSON body and hold it against the vendor's contract.

    :raises Refused: 400, naming each breach.
    """
    try:
        body = json.loads(request.body or b"{}", parse_constant=_no_number)
        if b"\\u" in request.body:
            json.dumps(body, ensure_ascii=False).encode()  # half a character can be kept, but shown on no page
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not JSON") from None
    faults = list(contracts.faults(body, schema))
    if faults:
        raise Refused(400, "The supplied parameters are invalid.", faults)
    return body


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def query_of(request: HttpRequest, schema: Schema) -> dict[str, Any]:
    """
    Read the query and hold it against the vendor's contract; whole numbers come as int.

    :raises Refused: 400, naming each breach.
    """
    query: dict[str, Any] = request.GET.dict()
    for name, value in query.items():
        if schema["properties"].get(name, {}).get("type") == "integer" and value.isdecimal() and len(value) < 19:
            query[name] = int(value)
    faults = list(contracts.faults(query, schema))
    if faults:
        raise Refused(400, "The supplied parameters are invalid.", faults)
    return query
