"""
Microsoft's keys to Graph: https://learn.microsoft.com/graph/auth-v2-service (client credentials, as of 2026-11-21).

A key lives for about an hour and is never written down: it is asked anew after a restart.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from botaniqal.integrations.http import VendorBusy, VendorRefused, VendorUnavailable, Wire
from botaniqal.integrations.limits import Limit

TOKEN = "/{tenant}/oauth2/v2.0/token"  # noqa: S105 - the address of the key, not the key
SCOPE = "https://graph.microsoft.com/.default"
LONGEST_LIFE_SECONDS = 86_400
# A key that ends while a request is under way would cost that request a second try.
EARLY_SECONDS = 300


class Tokens:
    """The key of one application, kept until shortly before it ends and shared by all threads of the process."""

    def __init__(
        self,
        *,
        login_url: str,
        tenant: str,
        client_id: str,
        client_secret: str,
        timeout: float,
        limit: Limit | None = None,
    ) -> None:
        self._wire = Wire(vendor="Microsoft", base_url=login_url, token="", timeout=timeout, limit=limit)
        self._tenant = tenant
        self._client_id = client_id
        self._client_secret = client_secret
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def current(self) -> str:
        """
        Give the key, a new one where the last is about to end.

        :raises VendorUnavailable: no key, and nothing was sent to Graph.
        :raises VendorRefused: Microsoft does not know the application or its secret; always 401.
        """
        with self._lock:
            if time.time() >= self._good_until:
                self._ask()
            return self._token

    def instead_of(self, refused: str) -> str:
        """
        Give another key than one that Graph refused.

        :raises VendorUnavailable: no key.
        :raises VendorRefused: Microsoft does not know the application or its secret; always 401.
        """
        with self._lock:
            # Another thread may have met the same refusal a moment earlier.
            if self._token == refused:
                self._ask()
            return self._token

    def _ask(self) -> None:
        if not (self._tenant and self._client_id and self._client_secret):
            raise VendorRefused("Microsoft POST token: the portal was given no application to be", status=401)
        form = {
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "scope": SCOPE,
            "grant_type": "client_credentials",
        }
        asked_at = time.time()
        try:
            self._token, seconds = self._wire.post(TOKEN, ids={"tenant": self._tenant}, form=form, read=_token)
        except VendorRefused as refusal:
            # Whatever its status: a 404 from here must not pass for a missing event.
            problem: Exception = VendorRefused(str(refusal), status=401, parameters=refusal.parameters)
        except VendorBusy:
            raise
        except VendorUnavailable as trouble:
            # What the key was wanted for has not been sent.
            problem = VendorUnavailable(str(trouble), retry_after=trouble.retry_after)
        else:
            self._good_until = asked_at + seconds - min(EARLY_SECONDS, seconds / 10)
            return
        raise problem


def _token(answer: Mapping[str, Any]) -> tuple[str, float]:
    token = answer["access_token"]
    if not token or not token.isascii() or not token.isprintable():
        raise ValueError("no key that could stand in a header")
    return token, min(float(answer["expires_in"]), LONGEST_LIFE_SECONDS)
