"""The environment of the demo, of the tests and of the production check."""

import os
import secrets
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tools.dev.places import ROOT, VAR, Refusal

KEPT = VAR / "demo.env"


def _secret() -> str:
    return secrets.token_urlsafe(48)


def _practice() -> str:
    return str(uuid.uuid4())


def _calendly(kind: str) -> str:
    return f"https://api.calendly.com/{kind}/{uuid.uuid4()}"


NEEDED: dict[str, Callable[[], str]] = {
    "SECRET_KEY": _secret,
    "CONSULTANT_JWT_SECRET": _secret,
    "PHONE_BOOKING_API_KEY": _secret,
    "CALENDLY_API_KEY": _secret,
    "CALENDLY_WEBHOOK_SIGNING_KEY": _secret,
    "CALENDLY_ORGANIZATION": partial(_calendly, "organizations"),
    "CALENDLY_TRIAGE_CALENDAR_ID": partial(_calendly, "event_types"),
    "CALENDLY_DR_DIA_CALENDAR_ID": partial(_calendly, "event_types"),
    "CALENDLY_DR_SHIVANI_CALENDAR_ID": partial(_calendly, "event_types"),
    "CALENDLY_NURSE_CALENDAR_ID": partial(_calendly, "event_types"),
    "CALENDLY_GAPS_COACH_CALENDAR_ID": partial(_calendly, "event_types"),
    "CALENDLY_CONSULTANT_CALENDAR_ID": partial(_calendly, "event_types"),
    "MEDIRECORDS_API_KEY": _secret,
    "MEDIRECORDS_PRACTICE_ID": _practice,
    "GRAPH_TENANT": _practice,
    "GRAPH_CLIENT_ID": _practice,
    "GRAPH_CLIENT_SECRET": _secret,
    "PAGERDUTY_ROUTING_KEY": partial(secrets.token_hex, 16),
    "JOTFORM_API_KEY": _secret,
    "JOTFORM_WEBHOOK_SECRETS": _secret,
    "JOTFORM_FORM_IDS": lambda: str(240_000_000_000_000 + secrets.randbelow(10**12)),
    "STRIPE_SECRET_KEY": lambda: f"sk_test_{secrets.token_hex(16)}",
    "STRIPE_WEBHOOK_SECRET": lambda: f"whsec_{secrets.token_hex(16)}",
    "ANYMAIL_WEBHOOK_SECRET": lambda: f"ses:{secrets.token_hex(16)}",
    # Amazon's client signs its calls even to a stand-in.
    "AWS_ACCESS_KEY_ID": _secret,
    "AWS_SECRET_ACCESS_KEY": _secret,
}


LIMITS = ("CALENDLY_LIMITS", "CALENDLY_INVITEE_LIMITS", "MEDIRECORDS_LIMITS", "GRAPH_LIMITS")


def for_demo(port: int | None = None) -> dict[str, str]:
    """
    Return the demo's environment: our own variables, before .env, before what the demo sets by itself.

    An empty variable counts as not set, so that a copied .env.example changes nothing.

    :param port: the port of a demo that runs already, whatever the environment says.
    :raises Refusal: PORT is not a port, or .env has a line that is not KEY=VALUE.
    """
    file = ROOT / ".env"
    stored = _read(file) if file.exists() else {}
    named = {name: value for name, value in (stored | dict(os.environ)).items() if value}
    port = port or _port(named.get("PORT", "8000"))
    portal, sandbox = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
    return {
        "PUBLIC_BASE_URL": portal,
        "PORTAL_URL": portal,
        "SANDBOX_URL": sandbox,
        # The stand-in vendors have no plan to be within, unless somebody rehearses that.
        **dict.fromkeys(LIMITS, "off"),
        **vendors_at(sandbox),
        "SANDBOX_STATE": str(VAR / "sandbox.sqlite3"),
        **_kept(NEEDED.keys() - named.keys()),
        **named,
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "botaniqal.settings",
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }


def for_tests() -> dict[str, str]:
    """Return an environment of secrets of this run and of vendors that cannot be reached."""
    nowhere = "http://127.0.0.1:9"
    return {
        # Where no bytecode is to be kept beside the sources, it is kept here: each process of a run would compile
        # everything again.
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPYCACHEPREFIX": str(VAR / "test" / "bytecode"),
        **{name: make() for name, make in NEEDED.items()},
        "DEMO": "1",
        "PUBLIC_BASE_URL": nowhere,
        **vendors_at(nowhere),
        **dict.fromkeys(LIMITS, "off"),
    }


def for_production_check() -> dict[str, str]:
    """Return an environment like that of production: no demo, https, every vendor at its own address."""
    ours = {"DEMO", "DEBUG"} | vendors_at("").keys()
    return {
        **{name: value for name, value in os.environ.items() if name not in ours},
        **{name: make() for name, make in NEEDED.items()},
        "PUBLIC_BASE_URL": "https://portal.botaniqal.example",
        "ALLOWED_HOSTS": "portal.botaniqal.example",
    }


def vendors_at(host: str) -> dict[str, str]:
    """Return the base address of each vendor at the sandbox."""
    return {
        "CALENDLY_BASE_URL": f"{host}/calendly",
        "MEDIRECORDS_BASE_URL": f"{host}/medirecords",
        "SES_ENDPOINT_URL": f"{host}/ses",
        "GRAPH_BASE_URL": f"{host}/graph/v1.0",
        "GRAPH_LOGIN_URL": f"{host}/microsoft",
        "PAGERDUTY_BASE_URL": f"{host}/pagerduty",
        "JOTFORM_BASE_URL": f"{host}/jotform",
        "STRIPE_BASE_URL": f"{host}/stripe",
        "STRIPE_CHECKOUT_URL": host,
    }


def _port(words: str) -> int:
    if not (words.isdecimal() and 0 < int(words) < 65535):
        raise Refusal(f"PORT is {words!r}; it must be a number from 1 to 65534 (the next one is the sandbox's).")
    return int(words)


def _kept(names: set[str]) -> Mapping[str, str]:
    """Return what the demo needs and nobody set: made at random once, and kept."""
    kept = _read(KEPT) if KEPT.exists() else {}
    if missing := {name: NEEDED[name]() for name in sorted(names - kept.keys())}:
        kept |= missing
        VAR.mkdir(mode=0o700, exist_ok=True)
        fresh = KEPT.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in kept.items())
        fresh.rename(KEPT)
    return {name: kept[name] for name in names}


def _read(file: Path) -> dict[str, str]:
    values = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals:
            raise Refusal(f"Line {number} of {file.relative_to(ROOT)} is not KEY=VALUE.")
        value = value.strip()
        is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        values[name.strip()] = value[1:-1] if is_quoted else value
    return values
