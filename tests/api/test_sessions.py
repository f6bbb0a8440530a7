from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings import lifecycle
from tests.api.conftest import NOBODY, bearer
from tests.factories import PractitionerFactory, ServiceFactory, SessionFactory, next_morning

pytestmark = pytest.mark.django_db

DOOR = "/api/triage/sessions"
CARD = "4111 1111 1111 1111"


@pytest.fixture
def session(consultant):
    return SessionFactory(consultant=consultant)


def calls(consultant, count):
    """Calls of one consultant, an hour apart, the last one first."""
    start = next_morning(9)
    return [
        SessionFactory(consultant=consultant, consultation__starts_at=start + timedelta(hours=n))
        for n in reversed(range(count))
    ]


def ids(answer):
    return [each["id"] for each in answer.json()["results"]]


class TestSessionList:
    def test_shows_every_field_that_is_promised(self, sarah, consultant):
        service = ServiceFactory(slug="weight-loss")
        session = SessionFactory(consultant=consultant, recommended_service=service, primary_concern="Sleep")

        answer = sarah.get(DOOR)

        start = f"{session.consultation.starts_at:%Y-%m-%dT%H:%M:%SZ}"
        assert answer.json() == {
            "results": [
                {
                    "id": str(session.pk),
                    "version": 1,
                    "status": "scheduled",
                    "outcome": "",
                    "disposition": "",
                    "patientName": "Leo Martin",
                    "patientEmail": "leo.martin@example.com",
                    "patientPhone": "+61491570156",
                    "consultantId": str(consultant.pk),
                    "consultantName": "Sarah Consultant",
                    "scheduledTime": start,
                    "actualStartTime": None,
                    "actualEndTime": None,
                    "primaryConcern": "Sleep",
                    "triageNotes": "",
                    "recommendedService": "weight_loss",
                    "recommendedPractitioners": [],
                    "bookingId": None,
                    "createdAt": f"{session.created_at:%Y-%m-%dT%H:%M:%SZ}",
                }
            ],
            "next": None,
        }

    def test_lists_the_soonest_first(self, sarah, consultant):
        planned = calls(consultant, 3)

        answer = sarah.get(DOOR)

        assert ids(answer) == [str(each.pk) for each in reversed(planned)]

    def test_leaves_out_the_calls_of_others(self, sarah):
        SessionFactory()

        assert ids(sarah.get(DOOR)) == []

    def test_goes_from_page_to_page(self, sarah, consultant):
        planned = [str(each.pk) for each in reversed(calls(consultant, 5))]

        first = sarah.get(DOOR, {"pageSize": 2})
        second = sarah.get(first.json()["next"])
        third = sarah.get(second.json()["next"])

        assert ids(first) + ids(second) + ids(third) == planned
        assert third.json()["next"] is None

    def test_goes_from_page_to_page_through_calls_at_the_same_time(self, sarah, consultant):
        planned = {str(SessionFactory(consultant=consultant).pk) for _ in range(5)}

        seen, page = [], sarah.get(DOOR, {"pageSize": 2})
        seen += ids(page)
        while following := page.json()["next"]:
            page = sarah.get(following)
            seen += ids(page)

        assert (len(seen), set(seen)) == (5, planned)

    def test_filters_by_status(self, sarah, consultant, session):
        running = SessionFactory(consultant=consultant, in_progress=True)
        off = SessionFactory(consultant=consultant)
        lifecycle.cancel(booking_id=off.consultation_id, reason="By the patient", by=None, now=timezone.now())

        found = {
            status: ids(sarah.get(DOOR, {"status": status})) for status in ("scheduled", "in_progress", "cancelled")
        }

        assert found == {
            "scheduled": [str(session.pk)],
            "in_progress": [str(running.pk)],
            "cancelled": [str(off.pk)],
        }

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"status": "lost"}, 400),
            ({"status": ""}, 400),
            ({"pageSize": "0"}, 400),
            ({"pageSize": "201"}, 400),
            ({"pageSize": "-1"}, 400),
            ({"pageSize": "²"}, 400),
            ({"cursor": "nonsense"}, 404),
            ({"cursor": "cD1ub24="}, 400),
        ],
    )
    def test_refuses_what_it_cannot_read(self, sarah, session, query, status):
        answer = sarah.get(DOOR, query)

        assert answer.status_code == status

    @pytest.mark.parametrize("count", [1, 20])
    def test_asks_the_database_as_often_for_many_as_for_one(self, sarah, consultant, count, django_assert_num_queries):
        calls(consultant, count)

        with django_assert_num_queries(2):
            sarah.get(DOOR)


class TestSessionDetail:
    def test_shows_a_call(self, sarah, session):
        answer = sarah.get(f"{DOOR}/{session.pk}")

        assert answer.status_code == 200
        assert answer.json()["id"] == str(session.pk)

    def test_knows_no_other(self, sarah):
        assert sarah.get(f"{DOOR}/{uuid4()}").status_code == 404
        assert sarah.get(f"{DOOR}/1").status_code == 404

    def test_keeps_the_calls_of_others_to_them(self, session):
        other = bearer(PractitionerFactory(consultant=True))

        read = other.get(f"{DOOR}/{session.pk}")
        written = other.patch(f"{DOOR}/{session.pk}", {"version": 1, "triageNotes": "x"}, format="json")

        assert (read.status_code, written.status_code) == (403, 403)
        assert read.json()["code"] == "not_your_session"

    def test_writes_what_was_said(self, sarah, session):
        ServiceFactory(slug="weight-loss")
        doctor = PractitionerFactory()

        answer = sarah.patch(
            f"{DOOR}/{session.pk}",
            {
                "version": 1,
                "primaryConcern": "Sleep",
                "triageNotes": " Two lines\nof notes ",
                "recommendedService": "weight_loss",
                "recommendedPractitioners": [str(doctor.pk)],
                "outcome": "booked",
            },
            format="json",
        )

        assert answer.status_code == 200
        written = answer.json()
        assert written == sarah.get(f"{DOOR}/{session.pk}").json()
        assert (written["version"], written["primaryConcern"]) == (2, "Sleep")
        assert written["triageNotes"] == " Two lines\nof notes "
        assert written["recommendedService"] == "weight_loss"
        assert written["recommendedPractitioners"] == [str(doctor.pk)]
        assert written["outcome"] == ""

    def test_leaves_alone_what_was_not_sent(self, sarah, session):
        sarah.patch(f"{DOOR}/{session.pk}", {"version": 1, "triageNotes": "Notes"}, format="json")

        answer = sarah.patch(f"{DOOR}/{session.pk}", {"version": 2, "primaryConcern": "Sleep"}, format="json")

        assert answer.json()["triageNotes"] == "Notes"

    def test_shows_the_present_state_to_who_wrote_on_an_old_one(self, sarah, session):
        sarah.patch(f"{DOOR}/{session.pk}", {"version": 1, "triageNotes": "First"}, format="json")

        answer = sarah.patch(f"{DOOR}/{session.pk}", {"version": 1, "triageNotes": "Second"}, format="json")

        assert answer.status_code == 409
        assert answer.json()["code"] == "stale_version"
        assert answer.json()["session"] == sarah.get(f"{DOOR}/{session.pk}").json()
        assert answer.json()["session"]["triageNotes"] == "First"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({}, "version"),
            ({"version": "one"}, "version"),
            ({"version": 1, "triageNotes": "x" * 20_001}, "triageNotes"),
            ({"version": 1, "triageNotes": None}, "triageNotes"),
            ({"version": 1, "triageNotes": {"a": 1}}, "triageNotes"),
            ({"version": 1, "triageNotes": CARD}, "triageNotes"),
            ({"version": 1, "primaryConcern": CARD}, "primaryConcern"),
            ({"version": 1, "recommendedPractitioners": ["me"]}, "recommendedPractitioners"),
            ({"version": 1, "recommendedPractitioners": "me"}, "recommendedPractitioners"),
        ],
    )
    def test_names_the_field_at_fault(self, sarah, session, changes, field):
        answer = sarah.patch(f"{DOOR}/{session.pk}", changes, format="json")

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == [field]
        assert CARD not in answer.content.decode()

    @pytest.mark.parametrize("changes", [{"recommendedService": "surgery"}, {"recommendedPractitioners": [NOBODY]}])
    def test_recommends_nothing_that_does_not_exist(self, sarah, session, changes):
        answer = sarah.patch(f"{DOOR}/{session.pk}", {"version": 1, **changes}, format="json")

        assert answer.status_code == 404
