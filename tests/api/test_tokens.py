from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import Group
from rest_framework.test import APIClient

from practitioners import tokens
from tests.api.conftest import NOBODY
from tests.factories import PractitionerFactory, UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough password"
CLAIMS = ["triage:read", "triage:update", "booking:create", "practitioner:availability"]
DOOR = "/api/triage/sessions"


def log_in(api, email, password=PASSWORD, **more):
    return api.post("/api/auth/token", {"email": email, "password": password, **more}, format="json")


def payload_of(practitioner, **changes):
    """What seed 1's own code signs."""
    payload = {
        "sub": str(practitioner.pk),
        "role": "consultant",
        "permissions": CLAIMS,
        "exp": int((datetime.now(UTC) + timedelta(hours=8)).timestamp()),
    }
    return {name: value for name, value in {**payload, **changes}.items() if value is not ...}


def call(payload, secret=None, algorithm="HS256", door=DOOR):
    token = jwt.encode(payload, settings.CONSULTANT_JWT_SECRET if secret is None else secret, algorithm=algorithm)
    return APIClient().get(door, headers={"Authorization": f"Bearer {token}"})


class TestTokenView:
    def test_gives_a_consultant_the_claims_of_the_seed(self, api, consultant):
        answer = log_in(api, consultant.user.email)

        given = answer.json()
        claims = jwt.decode(given["token"], settings.CONSULTANT_JWT_SECRET, algorithms=["HS256"])
        assert answer.status_code == 200
        assert given["permissions"] == CLAIMS
        assert list(claims) == ["sub", "role", "permissions", "exp"]
        assert (claims["sub"], claims["role"], claims["permissions"]) == (str(consultant.pk), "consultant", CLAIMS)
        assert given["expiresAt"] == datetime.fromtimestamp(claims["exp"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def test_lives_eight_hours(self, api, consultant):
        with time_machine.travel(datetime(2026, 12, 1, 10, tzinfo=UTC), tick=False):
            answer = log_in(api, consultant.user.email)

        assert answer.json()["expiresAt"] == "2026-12-01T18:00:00Z"

    def test_does_not_mind_the_case_of_an_email(self, api, consultant):
        answer = log_in(api, consultant.user.email.upper())

        assert answer.status_code == 200

    def test_gives_the_same_answer_to_a_wrong_password_and_an_unknown_person(self, api, consultant):
        wrong = log_in(api, consultant.user.email, "not the password")
        unknown = log_in(api, "nobody@botaniqal.example")

        assert (wrong.status_code, unknown.status_code) == (401, 401)
        assert wrong.json() == unknown.json()
        assert wrong["WWW-Authenticate"] == "Bearer"

    def test_refuses_a_person_who_may_not_log_in_any_more(self, api, consultant):
        consultant.user.is_active = False
        consultant.user.save()

        answer = log_in(api, consultant.user.email)

        assert answer.status_code == 401

    def test_refuses_a_user_who_is_no_practitioner(self, api):
        manager = UserFactory(roles=["management"])

        answer = log_in(api, manager.email)

        assert answer.status_code == 403
        assert answer.json()["code"] == "no_practitioner"

    def test_refuses_a_practitioner_who_has_left(self, api, consultant):
        consultant.is_active = False
        consultant.save()

        answer = log_in(api, consultant.user.email)

        assert answer.status_code == 403

    def test_gives_a_clinician_the_clinicians_claims(self, api):
        doctor = PractitionerFactory(user=UserFactory(roles=["clinician"]))

        answer = log_in(api, doctor.user.email)

        assert answer.json()["permissions"] == ["practitioner:availability"]

    def test_does_not_trip_over_an_old_token(self, api, consultant):
        answer = api.post(
            "/api/auth/token",
            {"email": consultant.user.email, "password": PASSWORD},
            format="json",
            headers={"Authorization": "Bearer old"},
        )

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"email": "sarah@botaniqal.example"},
            {"email": "sarah", "password": "x"},
            {"email": {"$ne": ""}, "password": "x"},
            {"email": "sarah@botaniqal.example", "password": ["x"]},
            {"email": "sarah@botaniqal.example", "password": "x" * 1001},
        ],
    )
    def test_says_which_fields_are_wrong(self, api, body):
        answer = api.post("/api/auth/token", body, format="json")

        assert answer.status_code == 400
        assert answer.json()["details"]

    def test_lets_nobody_guess_for_long(self, api, consultant, rate):
        rate("login", "3/d")

        statuses = [log_in(api, consultant.user.email, "a guess").status_code for _ in range(4)]
        other = log_in(api, "somebody.else@botaniqal.example")

        assert statuses == [401, 401, 401, 429]
        assert other.status_code == 401


class TestConsultantToken:
    def test_lets_in_who_signed_with_the_secret(self, consultant):
        answer = call(payload_of(consultant))

        assert answer.status_code == 200

    def test_asks_for_a_token(self, api):
        answer = api.get(DOOR)

        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")

    @pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer nonsense", "Bearer a.b.c", "bearer ÿ"])
    def test_refuses_what_is_no_token(self, api, header):
        answer = api.get(DOOR, headers={"Authorization": header})

        assert answer.status_code == 401

    def test_refuses_another_signature(self, consultant):
        answer = call(payload_of(consultant), secret="another secret that is long enough for HS256")

        assert answer.status_code == 401

    def test_refuses_another_algorithm(self, consultant):
        answer = call(payload_of(consultant), algorithm="HS512")

        assert answer.status_code == 401

    def test_refuses_no_signature_at_all(self, consultant):
        answer = call(payload_of(consultant), secret="", algorithm="none")

        assert answer.status_code == 401

    @pytest.mark.parametrize(
        "changes",
        [
            {"exp": ...},
            {"sub": ...},
            {"permissions": ...},
            {"exp": int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())},
            {"exp": int(datetime(2099, 1, 1, tzinfo=UTC).timestamp())},
            {"exp": 10**30},
            {"exp": "soon"},
            {"sub": "sarah"},
            {"sub": NOBODY},
            {"permissions": "triage:read"},
            {"permissions": [{}]},
        ],
        ids=lambda changes: "-".join(f"{name}={str(value)[:12]}" for name, value in changes.items()),
    )
    def test_refuses_claims_that_are_not_in_order(self, consultant, changes):
        answer = call(payload_of(consultant, **changes))

        assert answer.status_code == (403 if changes == {"permissions": [{}]} else 401)

    def test_refuses_a_practitioner_who_has_left(self, consultant):
        consultant.is_active = False
        consultant.save()

        assert call(payload_of(consultant)).status_code == 401

    def test_refuses_a_user_who_may_not_log_in_any_more(self, consultant):
        consultant.user.is_active = False
        consultant.user.save()

        assert call(payload_of(consultant)).status_code == 401

    def test_refuses_a_practitioner_who_has_no_user(self):
        assert call(payload_of(PractitionerFactory())).status_code == 401

    def test_refuses_a_token_without_the_claim(self, consultant):
        answer = call(payload_of(consultant, permissions=["booking:create"]))

        assert answer.status_code == 403
        assert answer.json()["code"] == "not_allowed"

    def test_gives_nobody_more_than_the_role_has(self, consultant):
        consultant.user.groups.set([Group.objects.get(name="clinician")])

        assert call(payload_of(consultant)).status_code == 403


class TestRevokeTokens:
    def test_refuses_what_was_given_before(self, consultant):
        with time_machine.travel(datetime(2026, 12, 1, 10, tzinfo=UTC), tick=False) as clock:
            old = payload_of(consultant)
            clock.shift(60)

            tokens.revoke_tokens(practitioner=consultant, now=datetime.now(UTC))

            clock.shift(60)
            assert call(old).status_code == 401
            assert call(payload_of(consultant)).status_code == 200


class TestPhoneSystemKey:
    KEY = "the-phone-systems-key"

    @pytest.fixture(autouse=True)
    def configured(self, settings):
        settings.PHONE_BOOKING_API_KEY = self.KEY

    def call(self, key=KEY, consultant=None):
        headers = {"X-API-Key": key} | ({"X-Consultant": consultant} if consultant is not None else {})
        return APIClient().get(DOOR, headers=headers)

    def test_acts_for_a_consultant_named_by_id(self, consultant):
        assert self.call(consultant=str(consultant.pk)).status_code == 200

    def test_acts_for_a_consultant_named_by_email(self, consultant):
        assert self.call(consultant=consultant.email.upper()).status_code == 200

    def test_leaves_a_trace_without_a_name_in_it(self, consultant, caplog):
        caplog.set_level("INFO")

        self.call(consultant=consultant.email)

        assert f"the phone system acts for practitioner {consultant.pk}" in caplog.text
        assert consultant.email not in caplog.text

    @pytest.mark.parametrize("key", ["", "wrong", "the-phone-systems-key ".upper(), "ÿ"])
    def test_refuses_a_wrong_key(self, consultant, key):
        assert self.call(key=key, consultant=consultant.email).status_code == 401

    @pytest.mark.parametrize("key", ["", "anything"])
    def test_refuses_every_key_while_none_is_configured(self, consultant, settings, key):
        settings.PHONE_BOOKING_API_KEY = ""

        assert self.call(key=key, consultant=consultant.email).status_code == 401

    @pytest.mark.parametrize("name", [None, "", "  "])
    def test_asks_for_whom_it_acts(self, consultant, name):
        answer = self.call(consultant=name)

        assert answer.status_code == 400
        assert "X-Consultant" in answer.json()["error"]

    @pytest.mark.parametrize("name", ["nobody@botaniqal.example", NOBODY, "Sarah"])
    def test_refuses_a_name_that_is_nobodys(self, consultant, name):
        assert self.call(consultant=name).status_code == 403

    def test_refuses_a_consultant_who_has_left(self, consultant):
        consultant.is_active = False
        consultant.save()

        assert self.call(consultant=consultant.email).status_code == 403


class TestPortalSession:
    def test_lets_in_by_role(self, consultant):
        browser = APIClient()
        browser.force_login(consultant.user)

        assert browser.get(DOOR).status_code == 200

    @pytest.mark.parametrize("role", ["operations", "management", "clinician", "administrator"])
    def test_refuses_roles_without_the_claim(self, role):
        browser = APIClient()
        browser.force_login(UserFactory(roles=[role]))

        assert browser.get(DOOR).status_code == 403

    def test_changes_nothing_without_the_csrf_token(self, consultant):
        browser = APIClient(enforce_csrf_checks=True)
        browser.force_login(consultant.user)

        answer = browser.post("/api/holds", {}, format="json")

        assert answer.status_code == 403
        assert "CSRF" in answer.json()["error"]
