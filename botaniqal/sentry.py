"""
Errors told to Sentry, by kind and place; loaded where SENTRY_DSN is set and nowhere else.

What goes out is picked, not crossed out: what the library learns to send with its next release stays here.
"""

from typing import Any

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.argv import ArgvIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.stdlib import StdlibIntegration

from botaniqal import logs

EVENT = ("event_id", "timestamp", "level", "platform", "release", "environment", "server_name", "logger", "sdk")
ERROR = ("type", "module", "thread_id")
FRAME = ("filename", "abs_path", "function", "module", "lineno", "in_app")
OURS = ("component", "route", "task")
"""Where the name of what went on comes from our code; else it may be an address that somebody typed."""


def start() -> None:
    """Tell Sentry of errors from now on."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        release=settings.RELEASE or None,
        before_send=only_what_may_leave,
        integrations=[
            DjangoIntegration(transaction_style="function_name"),
            CeleryIntegration(propagate_traces=False),
        ],
        auto_enabling_integrations=False,
        # One notes whom we call and tells them of the trace, the other what a command was started with.
        disabled_integrations=[StdlibIntegration(), ArgvIntegration()],
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        trace_propagation_targets=[],
    )


def only_what_may_leave(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """Pick out of an error's report what holds no word of anybody's."""
    picked = {name: event[name] for name in EVENT if name in event}
    picked["tags"] = {"request_id": logs.request_id()}
    if user_id := (event.get("user") or {}).get("id"):
        picked["user"] = {"id": str(user_id)}
    if (event.get("transaction_info") or {}).get("source") in OURS:
        picked["transaction"] = event["transaction"]
    if said := (event.get("logentry") or {}).get("message"):
        picked["logentry"] = {"message": said}  # as the code has it, without what was put into it
    if errors := (event.get("exception") or {}).get("values"):
        picked["exception"] = {"values": [_error(error) for error in errors]}
    return picked


def _error(error: dict[str, Any]) -> dict[str, Any]:
    frames = (error.get("stacktrace") or {}).get("frames") or []
    mechanism = error.get("mechanism") or {}
    return {
        **{name: error[name] for name in ERROR if name in error},
        "mechanism": {name: mechanism[name] for name in ("type", "handled") if name in mechanism},
        "stacktrace": {"frames": [{name: frame[name] for name in FRAME if name in frame} for frame in frames]},
    }
