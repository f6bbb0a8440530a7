"""What a page of the clinic's own website may ask by script, and that no other page may."""

import pytest

from botaniqal.settings import CORS_ALLOWED_ORIGINS

from .conftest import client

pytestmark = pytest.mark.django_db

SITE = "https://www.botaniqal.example"
OTHERS = [
    "https://evil.example",
    "http://www.botaniqal.example",
    "https://www.botaniqal.example:8443",
    "https://www.botaniqal.example.evil.example",
    "https://evilbotaniqal.example",
    "null",
    "https://[",
]
OPEN = [
    ("GET", "/api/services"),
    ("GET", "/api/services/gaps"),
    ("GET", "/api/practitioners/availability"),
    ("POST", "/api/waitlist"),
    ("POST", "/api/consultations/book"),
    ("GET", "/embed.js"),
]
CLOSED = [
    "/",
    "/admin/",
    "/api/auth/token",
    "/api/bookings/phone",
    "/api/consultations/book/more",
    "/api/holds",
    "/api/practitioners/availability-of-all",
    "/api/schema",
    "/api/services-of-all",
    "/api/services/gaps/more",
    "/api/triage/sessions",
    "/api/waitlist/all",
    "/embed.js.map",
    "/free-consultation",
    "/my-bookings",
    "/services",
    "/webhooks/calendly/triage",
]


@pytest.fixture(autouse=True)
def origins(settings):
    settings.CORS_ALLOWED_ORIGINS = [SITE]


def ask(method, path, origin=SITE, **headers):
    return client().generic(method, path, headers={"Origin": origin, **headers})


def preflight(path, origin=SITE, method="POST", asked="content-type"):
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": asked}
    return ask("OPTIONS", path, origin, **asked)


def cors_headers(answer):
    return {name: value for name, value in answer.items() if name.startswith("access-control-")}


class TestOpen:
    @pytest.mark.parametrize(("method", "path"), OPEN)
    def test_is_answered_to_the_clinics_website(self, method, path):
        answer = ask(method, path)

        assert answer["access-control-allow-origin"] == SITE
        assert "origin" in answer["vary"].lower()

    @pytest.mark.parametrize(("method", "path"), OPEN)
    def test_takes_no_credentials(self, method, path):
        for answer in (ask(method, path), preflight(path, method=method)):
            assert "access-control-allow-credentials" not in answer
            assert not answer.cookies

    @pytest.mark.parametrize(("method", "path"), OPEN)
    def test_says_beforehand_what_may_be_sent(self, method, path):
        answer = preflight(path, method=method)

        assert answer.status_code == 200
        assert answer["access-control-allow-origin"] == SITE
        assert answer["access-control-allow-methods"] == "GET, OPTIONS, POST"
        assert answer["access-control-allow-headers"] == "content-type, idempotency-key"
        assert int(answer["access-control-max-age"]) > 0

    @pytest.mark.parametrize("origin", OTHERS)
    @pytest.mark.parametrize(("method", "path"), OPEN)
    def test_is_closed_to_every_other_page(self, method, path, origin):
        for answer in (ask(method, path, origin), preflight(path, origin, method)):
            assert cors_headers(answer) == {}

    def test_is_closed_to_all_while_none_is_configured(self, settings):
        settings.CORS_ALLOWED_ORIGINS = CORS_ALLOWED_ORIGINS

        assert CORS_ALLOWED_ORIGINS == []
        assert cors_headers(ask("GET", "/api/services")) == {}


class TestClosed:
    @pytest.mark.parametrize("path", CLOSED)
    def test_is_closed_to_the_clinics_website_too(self, path):
        for answer in (ask("GET", path), ask("POST", path), preflight(path)):
            assert cors_headers(answer) == {}


class TestEmbed:
    def test_may_be_loaded_from_anywhere_and_kept_for_an_hour(self):
        answer = client().get("/embed.js")
        again = client().get("/embed.js", headers={"If-None-Match": answer["ETag"]})

        assert answer["content-type"] == "text/javascript; charset=utf-8"
        assert answer["cross-origin-resource-policy"] == "cross-origin"
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["cache-control"] == "public, max-age=3600"
        assert not answer.cookies
        assert again.status_code == 304

    def test_is_small(self):
        assert len(client().get("/embed.js").content) <= 12_000
