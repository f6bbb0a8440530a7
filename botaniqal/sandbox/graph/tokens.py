"""Microsoft's keys to Graph: given to the application that the environment names, asked for with each call."""

import secrets
import time
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse

from botaniqal.sandbox.store import store
from botaniqal.sandbox.vendors import GRAPH as OPEN_GRAPH
from botaniqal.sandbox.vendors import Refused

TOKEN = "outlook_token"  # noqa: S105 - the kind of document
LIFE_SECONDS = 3599
SCOPE = "https://graph.microsoft.com/.default"


def admits(request: HttpRequest) -> bool:
    """Ask for a key that was given out here and has not ended."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = store.get(TOKEN, token) if scheme.lower() == "bearer" else None
    return known is not None and known["ends_at"] > time.time()


def give(request: HttpRequest, tenant: str) -> JsonResponse:
    """Give a key to an application that knows its secret."""
    form = request.POST
    if form.get("grant_type") != "client_credentials":
        raise Refused(400, "AADSTS70003: The app requested an unsupported grant type.", code="unsupported_grant_type")
    if form.get("scope") != SCOPE:
        raise Refused(
            400, "AADSTS70011: The provided value for the input parameter 'scope' is not valid.", code="invalid_scope"
        )
    if tenant != (settings.GRAPH_TENANT or tenant):
        raise Refused(400, "AADSTS90002: Tenant not found.", code="invalid_request")
    if not form.get("client_id") or form["client_id"] != (settings.GRAPH_CLIENT_ID or form["client_id"]):
        raise Refused(400, "AADSTS700016: Application was not found in the directory.", code="unauthorized_client")
    secret = form.get("client_secret", "")
    if not secret or secret != (settings.GRAPH_CLIENT_SECRET or secret):
        raise Refused(401, "AADSTS7000215: Invalid client secret provided.", code="invalid_client")
    life = (store.get("setting", "outlook_token_life") or {"value": LIFE_SECONDS})["value"]
    token = secrets.token_urlsafe(64)
    store.put(TOKEN, token, {"id": token, "ends_at": time.time() + life})
    return JsonResponse(
        {"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token},
        headers={"Cache-Control": "no-store"},
    )


def take_back() -> None:
    """Let every key that was given out end now."""
    with store.transaction():
        for key in store.find(TOKEN):
            store.delete(TOKEN, key["id"])


def _login_error(refused: Refused) -> dict[str, Any]:
    return {"error": refused.code or "temporarily_unavailable", "error_description": refused.message}


GRAPH = replace(OPEN_GRAPH, admits=admits)
LOGIN = replace(OPEN_GRAPH, error=_login_error)
