"""Every door without its right."""

from uuid import UUID

import pytest
from django.urls import URLPattern, get_resolver

from tests.api.conftest import bearer, client
from tests.factories import PractitionerFactory, UserFactory

pytestmark = pytest.mark.django_db

NOBODY = UUID(int=0)

OPEN = {
    ("GET", "api/schema"),
    ("GET", "api/docs"),
    ("GET", "api/services"),
    ("GET", "api/services/<slug:slug>"),
    ("GET", "api/practitioners/availability"),
    ("POST", "api/consultations/book"),
    ("POST", "api/auth/token"),
    ("POST", "api/waitlist"),
}
FOR_CONSULTANTS = {
    ("GET", "api/triage/sessions"),
    ("GET", "api/triage/sessions/<uuid:session_id>"),
    ("PATCH", "api/triage/sessions/<uuid:session_id>"),
    ("POST", "api/holds"),
    ("DELETE", "api/holds/<uuid:hold_id>"),
    ("POST", "api/bookings/phone"),
    ("GET", "api/bookings/<uuid:booking_id>/sync"),
}


def doors():
    """Find every method of every address below /api/."""
    for pattern in get_resolver("botaniqal.urls").url_patterns:
        if isinstance(pattern, URLPattern) and str(pattern.pattern).startswith("api/"):
            for method in pattern.callback.view_class.http_method_names:
                if method != "options" and hasattr(pattern.callback.view_class, method):
                    yield method.upper(), str(pattern.pattern)


def knock(caller, door):
    method, pattern = door
    path = pattern
    for name in ("session_id", "hold_id", "booking_id"):
        path = path.replace(f"<uuid:{name}>", str(NOBODY))
    return caller.generic(method, f"/{path}", "{}", content_type="application/json")


class TestDoors:
    def test_are_all_known_here(self):
        assert set(doors()) == OPEN | FOR_CONSULTANTS

    @pytest.mark.parametrize("door", sorted(FOR_CONSULTANTS))
    def test_ask_strangers_for_a_token(self, door):
        answer = knock(client(), door)

        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json()["code"] == "not_authenticated"

    @pytest.mark.parametrize("role", ["operations", "management", "clinician", "administrator"])
    @pytest.mark.parametrize("door", sorted(FOR_CONSULTANTS))
    def test_refuse_other_roles(self, door, role):
        other = bearer(PractitionerFactory(user=UserFactory(roles=[role])))

        answer = knock(other, door)

        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")

    @pytest.mark.parametrize("door", sorted(FOR_CONSULTANTS))
    def test_let_consultants_in(self, door, sarah):
        answer = knock(sarah, door)

        assert answer.status_code in {200, 204, 400, 404}

    @pytest.mark.parametrize("door", sorted(OPEN | FOR_CONSULTANTS))
    def test_refuse_a_wrong_token_wherever_one_is_read(self, door):
        answer = knock(client(HTTP_AUTHORIZATION="Bearer wrong"), door)

        reads_none = OPEN - {("GET", "api/practitioners/availability")}
        assert (answer.status_code == 401 and answer.json()["code"] == "authentication_failed") == (
            door not in reads_none
        )

    @pytest.mark.parametrize("door", sorted(door for door in FOR_CONSULTANTS if door[0] != "GET"))
    def test_change_nothing_for_a_browser_without_the_csrf_token(self, door, consultant):
        browser = client()
        browser.handler.enforce_csrf_checks = True
        browser.force_login(consultant.user)

        assert knock(browser, door).status_code == 403
