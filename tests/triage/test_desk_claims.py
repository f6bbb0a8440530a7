"""The doors of the desk's bar: claiming, parking, and ringing later."""

from datetime import datetime, timedelta
from http import HTTPStatus
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from tests.factories import PatientFactory, SessionFactory, UserFactory, next_morning
from tests.triage.test_desk import Desk
from triage.models import TriageSession

pytestmark = pytest.mark.django_db
State = TriageSession.State
VERBS = ["claim", "take_over", "park", "call_back", "unanswered"]
MELBOURNE = ZoneInfo("Australia/Melbourne")


def wall(moment):
    return f"{moment.astimezone(MELBOURNE):%Y-%m-%dT%H:%M}"


BODY = {"at": wall(next_morning(15)), "number": 1}


@pytest.fixture
def session(sarah):
    return SessionFactory(consultant=sarah, in_progress=True)


@pytest.fixture
def desk(session, sarah):
    return Desk(sarah.user, session)


@pytest.fixture
def toms(session, tom):
    return Desk(tom.user, session)


class TestVerbs:
    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("role", ["management", "clinician"])
    def test_are_not_for_those_who_make_no_calls(self, session, verb, role):
        answer = Desk(UserFactory(is_staff=True, roles=[role]), session).post(verb, **BODY)

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "not_allowed")

    @pytest.mark.parametrize("verb", VERBS)
    def test_are_not_for_operations(self, session, verb):
        answer = Desk(UserFactory(is_staff=True, roles=["operations"]), session).post(verb, **BODY)

        assert answer.status_code == HTTPStatus.FORBIDDEN

    @pytest.mark.parametrize("verb", ["park", "call_back", "unanswered"])
    def test_are_for_the_calls_owner(self, toms, verb):
        answer = toms.post(verb, **BODY)

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "not_your_session")

    @pytest.mark.parametrize("verb", VERBS)
    def test_change_nothing_on_get(self, desk, verb):
        assert desk.get(verb).status_code == HTTPStatus.METHOD_NOT_ALLOWED


class TestState:
    def test_tells_who_has_the_call(self, toms):
        answer = toms.get("state").json()

        assert (answer["canClaim"], answer["canTakeOver"], answer["isParked"]) == (False, True, False)
        assert answer["claimedAt"]

    def test_lets_anybody_claim_what_is_parked(self, desk, toms):
        desk.post("park")

        answer = toms.get("state").json()

        assert (answer["canClaim"], answer["canTakeOver"], answer["isParked"]) == (True, False, True)
        assert answer["parkedAt"]

    def test_offers_nothing_to_claim_once_it_is_over(self, session, toms):
        TriageSession.objects.update(state=State.DONE, outcome="rejected")

        answer = toms.get("state").json()

        assert (answer["canClaim"], answer["canTakeOver"]) == (False, False)

    def test_asks_the_same_few_questions(self, toms, desk, django_assert_max_num_queries):
        desk.post("park")

        with django_assert_max_num_queries(14):
            toms.get("state")


class TestClaim:
    def test_says_who_was_quicker(self, toms):
        answer = toms.post("claim")

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.CONFLICT, "call_taken")
        assert "Sarah Chen took this call at" in answer.json()["error"]


class TestCallBack:
    def test_reads_the_clinics_clock(self, desk, session):
        answer = desk.post("call_back", at=wall(next_morning(15)))

        session.refresh_from_db()
        assert answer.json()["state"] == State.SCHEDULED
        assert session.call_back_at == next_morning(15)

    def test_gives_the_call_to_another(self, desk, session, tom):
        answer = desk.post("call_back", at=BODY["at"], owner=str(tom.pk)).json()

        assert (answer["isOwn"], answer["owner"], answer["written"]) == (False, "Tom Baker", None)

    @pytest.mark.parametrize("at", [None, "", "soon", "2026-11-23", "2026-11-23T10:00:00Z", "9999-12-31T23:59", "\0"])
    def test_refuses_what_is_no_time(self, desk, at):
        answer = desk.post("call_back", at=at)

        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.BAD_REQUEST, "invalid")

    @pytest.mark.parametrize("owner", ["x", 1, None, "5b9f1c5e-0000-4000-8000-000000000000"])
    def test_refuses_who_is_nobody(self, desk, owner):
        assert desk.post("call_back", at=BODY["at"], owner=owner).status_code == HTTPStatus.BAD_REQUEST


class TestLater:
    def test_suggests_times_on_both_clocks_and_who_may_ring(self, sarah, tom):
        session = SessionFactory(
            consultant=sarah, in_progress=True, patient=PatientFactory(time_zone="Australia/Perth")
        )

        answer = Desk(sarah.user, session).get("later").json()

        assert answer["callBack"][0]["label"] == "In 1 hour"
        assert answer["callBack"][-1]["label"] == "Tomorrow morning"
        assert len(answer["tries"]) >= 1
        assert [owner["name"] for owner in answer["owners"]] == ["Sarah Chen", "Tom Baker"]
        for one in answer["callBack"] + answer["tries"]:
            assert one["wall"] == wall(datetime.fromisoformat(one["at"]))

    def test_offers_what_can_be_taken(self, desk):
        for one in desk.get("later").json()["tries"]:
            assert datetime.fromisoformat(one["at"]) > timezone.now() + timedelta(minutes=50)

    def test_is_for_the_calls_owner(self, toms):
        assert toms.get("later").status_code == HTTPStatus.FORBIDDEN
