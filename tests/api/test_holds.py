from uuid import uuid4

import pytest

from practitioners import diary
from tests.api.conftest import NOBODY, bearer
from tests.factories import AppointmentTypeFactory, PractitionerFactory, SessionFactory, next_morning

pytestmark = pytest.mark.django_db

DOOR = "/api/holds"


@pytest.fixture
def session(consultant):
    return SessionFactory(consultant=consultant)


@pytest.fixture
def doctor():
    return PractitionerFactory(gives=[AppointmentTypeFactory(code="initial-alternative-15min")])


@pytest.fixture
def wanted(session, doctor):
    return {
        "triageSessionId": str(session.pk),
        "practitionerId": str(doctor.pk),
        "appointmentType": "initial-alternative-15min",
        "scheduledTime": f"{next_morning(10):%Y-%m-%dT%H:%M:%SZ}",
    }


class TestHolds:
    def test_keeps_a_time(self, sarah, session, wanted):
        answer = sarah.post(DOOR, wanted, format="json")

        [kept] = diary.living_holds(held_for=session.pk)
        assert answer.status_code == 201
        assert answer.json() == {"id": str(kept.pk), "lapsesAt": f"{kept.live_until:%Y-%m-%dT%H:%M:%SZ}"}

    def test_keeps_a_time_once_per_key(self, sarah, session, wanted):
        first = sarah.post(DOOR, wanted, format="json", headers={"Idempotency-Key": "k"})
        again = sarah.post(DOOR, wanted, format="json", headers={"Idempotency-Key": "k"})

        assert again.json() == first.json()
        assert again["Idempotent-Replayed"] == "true"

    def test_offers_others_when_the_time_is_taken(self, sarah, wanted):
        other = bearer(theirs := PractitionerFactory(consultant=True))
        other.post(DOOR, {**wanted, "triageSessionId": str(SessionFactory(consultant=theirs).pk)}, format="json")

        answer = sarah.post(DOOR, wanted, format="json")

        assert answer.status_code == 409
        assert answer.json()["code"] == "slot_taken"
        assert len(answer.json()["alternatives"]) == 3

    def test_keeps_no_third_time(self, sarah, wanted):
        for hour in (11, 12):
            sarah.post(DOOR, {**wanted, "scheduledTime": f"{next_morning(hour):%Y-%m-%dT%H:%M:%SZ}"}, format="json")

        answer = sarah.post(DOOR, wanted, format="json")

        assert answer.status_code == 422
        assert answer.json()["code"] == "too_many_holds"

    def test_keeps_a_longer_time_in_place_of_the_one_that_it_overlaps(self, sarah, session, doctor, wanted):
        longer = AppointmentTypeFactory(code="initial-gaps-60min", minutes=60)
        doctor.appointment_types.add(longer)
        sarah.post(DOOR, wanted, format="json")

        answer = sarah.post(DOOR, wanted | {"appointmentType": longer.code}, format="json")

        [kept] = diary.living_holds(held_for=session.pk)
        assert (answer.status_code, answer.json()["id"]) == (201, str(kept.pk))
        assert kept.appointment_type == longer

    def test_keeps_nothing_for_the_call_of_another(self, wanted):
        other = bearer(PractitionerFactory(consultant=True))

        assert other.post(DOOR, wanted, format="json").status_code == 403

    @pytest.mark.parametrize("field", ["triageSessionId", "practitionerId", "appointmentType", "scheduledTime"])
    def test_needs_every_field(self, sarah, wanted, field):
        del wanted[field]

        answer = sarah.post(DOOR, wanted, format="json")

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == [field]

    @pytest.mark.parametrize(
        ("field", "value", "status"),
        [
            ("triageSessionId", NOBODY, 404),
            ("practitionerId", NOBODY, 404),
            ("appointmentType", "surgery", 422),
            ("scheduledTime", "2020-01-06T10:00:00Z", 422),
            ("scheduledTime", "2026-12-01T10:00:00", 400),
            ("practitionerId", "7", 400),
        ],
    )
    def test_refuses_what_cannot_be_kept(self, sarah, session, wanted, field, value, status):
        answer = sarah.post(DOOR, {**wanted, field: value}, format="json")

        assert answer.status_code == status
        assert diary.living_holds(held_for=session.pk) == []


class TestHoldDetail:
    def test_gives_a_time_back_and_does_not_mind_a_second_time(self, sarah, session, wanted):
        kept = sarah.post(DOOR, wanted, format="json").json()["id"]

        statuses = [sarah.delete(f"{DOOR}/{kept}").status_code for _ in range(2)]

        assert statuses == [204, 204]
        assert diary.living_holds(held_for=session.pk) == []

    def test_does_not_mind_a_hold_that_never_was(self, sarah):
        assert sarah.delete(f"{DOOR}/{uuid4()}").status_code == 204

    def test_leaves_the_holds_of_others(self, sarah, session, wanted):
        kept = sarah.post(DOOR, wanted, format="json").json()["id"]
        other = bearer(PractitionerFactory(consultant=True))

        answer = other.delete(f"{DOOR}/{kept}")

        assert answer.status_code == 403
        assert len(diary.living_holds(held_for=session.pk)) == 1

    def test_leaves_a_booking_alone(self, sarah, wanted):
        kept = sarah.post(DOOR, wanted, format="json").json()["id"]
        sarah.post("/api/bookings/phone", wanted, format="json")

        answer = sarah.delete(f"{DOOR}/{kept}")

        entry = diary.DiaryEntry.objects.get(pk=kept)
        assert answer.status_code == 204
        assert (entry.kind, entry.live_until) == ("booking", None)
