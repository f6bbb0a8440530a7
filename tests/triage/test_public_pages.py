"""The public page on which a visitor plans a free consultation."""

import re
from datetime import timedelta
from http import HTTPStatus
from ipaddress import IPv6Address
from uuid import uuid4

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings import lifecycle
from bookings.models import Consent, ConsentWording, Patient
from bookings.patients import consents
from botaniqal.messages.models import Message
from practitioners import diary
from tests.factories import AppointmentTypeFactory, PractitionerFactory, next_morning
from triage import consultations
from triage.models import TriageSession

pytestmark = pytest.mark.django_db
PAGE = "/free-consultation"
TEN = next_morning(10, days=2)


@pytest.fixture
def client():
    """A visitor with an address of their own, so that no test is throttled by another."""
    return Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)))


@pytest.fixture
def kind():
    return AppointmentTypeFactory(free=True, practitioner_types=["consultant"])


@pytest.fixture
def sarah(kind):
    return PractitionerFactory(consultant=True, name="Sarah Chen", gives=[kind])


@pytest.fixture
def filled(sarah):
    """The form as somebody in Perth fills it in."""
    return {
        "key": consultations.new_key(),
        "wording": str(consultations.privacy_wording().pk),
        "zone": "Australia/Perth",
        "time": written(TEN),
        "name": "  Leo   Martin ",
        "email": "leo.martin@example.com",
        "phone": "0491 570 156",
        "concern": "Poor sleep",
        "agrees": "on",
        "website": "",
    }


def written(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def take(practitioner, starts_at, minutes=15):
    diary.take(practitioner=practitioner, span=diary.Span(starts_at, starts_at + timedelta(minutes=minutes)), by=None)


def text(answer):
    return answer.content.decode()


class TestShowing:
    def test_offers_times_by_both_clocks(self, client, sarah):
        page = text(client.get(PAGE, {"zone": "Australia/Perth"}))

        [choice] = re.findall(rf'value="{written(TEN)}"><span>(.*?)</label>', page)
        assert "10:00 am" in choice
        assert choice.startswith(("7:00 am", "8:00 am"))
        assert "the second line is the clock in Melbourne" in page

    def test_shows_the_clinics_clock_to_whom_nobody_knows(self, client, sarah):
        for zone in (None, "", "Mars/Olympus", "elsewhere", "../../etc/passwd", "\0", "x" * 5000):
            page = text(client.get(PAGE, {} if zone is None else {"zone": zone}))

            assert "Times are by the clock in Melbourne." in page

    def test_lists_the_world_for_who_is_elsewhere(self, client, sarah):
        page = text(client.get(PAGE, {"zone": "elsewhere"}))

        assert '<option value="Pacific/Auckland">Auckland</option>' in page

    def test_keeps_the_zone_of_who_is_abroad(self, client, sarah):
        page = text(client.get(PAGE, {"zone": "Europe/London"}))

        assert '<option value="Europe/London" selected>London</option>' in page

    def test_shows_no_time_that_is_taken_or_doubtful(self, client, sarah):
        take(sarah, TEN)

        assert f'value="{written(TEN)}"' not in text(client.get(PAGE))

    def test_leads_to_later_days_and_back_without_losing_what_was_typed(self, client, filled):
        first = text(client.get(PAGE))
        [later] = re.findall(r'value="([\d-]+)" formnovalidate>Later days', first)
        second = client.post(PAGE, {**filled, "look": later})
        page = text(second)

        assert second.status_code == HTTPStatus.OK
        assert TriageSession.objects.count() == 0
        assert 'value="leo.martin@example.com"' in page
        assert ">\nPoor sleep</textarea>" in page
        assert re.search(r'name="agrees"[^>]* checked', page)
        assert filled["key"] in page
        assert "public-wrong" not in page
        assert re.findall(r'value="([\d-]+)" formnovalidate>Earlier days', page)
        assert f'value="{written(TEN)}"' not in page
        assert f'value="{written(TEN + timedelta(days=7))}"' in page

    @pytest.mark.parametrize(
        "day", ["1999-01-01", "2199-12-31", "9999-12-31", "2026-02-30", "zone", "", "\0", "1" * 400]
    )
    def test_stays_within_the_days_that_can_be_booked(self, client, filled, day):
        answer = client.post(PAGE, {**filled, "look": "zone", "day": day})

        assert answer.status_code == HTTPStatus.OK

    def test_says_when_no_time_is_free(self, client, sarah):
        sarah.working_hours.all().delete()

        assert "No time is free in these days" in text(client.get(PAGE))

    def test_says_when_there_are_no_consultations(self, client, db):
        answer = client.get(PAGE)

        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "not offered at the moment" in text(answer)

    def test_is_kept_by_nobody(self, client, sarah):
        assert "no-store" in client.get(PAGE)["Cache-Control"]

    def test_asks_the_same_few_questions_for_any_number_of_consultants(
        self, client, kind, sarah, django_assert_max_num_queries
    ):
        for _ in range(5):
            PractitionerFactory(consultant=True, gives=[kind])

        with django_assert_max_num_queries(9):
            client.get(PAGE)


class TestPlanning:
    def test_plans_a_call_and_says_when(self, client, filled):
        answer = client.post(PAGE, filled, follow=True)

        [(address, status)] = answer.redirect_chain
        page = text(answer)
        session = TriageSession.objects.select_related("patient", "consultation").get()
        patient = session.patient
        assert status == HTTPStatus.FOUND
        assert (patient.name, patient.phone, patient.time_zone) == ("Leo Martin", "+61491570156", "Australia/Perth")
        assert session.consultation.starts_at == TEN
        assert session.primary_concern == "Poor sleep"
        assert session.consultation.source == "online"
        assert "Sarah Chen rings you on" in page
        assert "Perth time" in page
        assert "10:00 am in Melbourne" in page
        assert Message.objects.get().kind == Message.Kind.PREPARATION
        for private in (r"\bLeo\b", "Martin", r"leo\.martin", r"570\s?156", "sleep"):
            assert not re.search(private, address)
            assert not re.search(private, page)

    def test_leads_to_the_page_where_the_time_can_be_changed(self, client, filled):
        page = text(client.post(PAGE, filled, follow=True))
        [change] = re.findall(r'href="(/call/[^"]+)"', page)

        client.post(change, {"time": written(TEN + timedelta(hours=1))})

        assert TriageSession.objects.get().consultation.starts_at == TEN + timedelta(hours=1)

    def test_writes_down_what_was_agreed_to(self, client, filled):
        client.post(PAGE, filled)

        consent = Consent.objects.select_related("wording").get()
        session = TriageSession.objects.get()
        assert (consent.patient_id, consent.session_id) == (session.patient_id, session.pk)
        assert (consent.wording.kind, consent.is_given, consent.how) == ("privacy", True, "website")

    def test_needs_no_wording_where_the_clinic_has_none(self, client, filled):
        ConsentWording.objects.update(is_current=False)

        assert client.post(PAGE, {**filled, "wording": ""}).status_code == HTTPStatus.FOUND

    def test_asks_again_when_the_wording_changed_meanwhile(self, client, filled):
        new = consents.publish(kind="privacy", text="New words.", is_required=True, by=None, now=timezone.now())

        answer = client.post(PAGE, filled)

        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "New words." in text(answer)
        assert f'name="wording" value="{new.pk}"' in text(answer)
        assert TriageSession.objects.count() == Patient.objects.count() == 0

    def test_makes_one_call_however_often_the_form_is_sent(self, client, filled, kind):
        PractitionerFactory(consultant=True, gives=[kind])

        answers = [client.post(PAGE, filled) for _ in range(3)]

        assert {answer.status_code for answer in answers} == {HTTPStatus.FOUND}
        assert TriageSession.objects.count() == Patient.objects.count() == Message.objects.count() == 1

    def test_makes_another_call_of_another_form(self, client, filled):
        client.post(PAGE, filled)

        client.post(PAGE, {**filled, "key": consultations.new_key(), "time": written(TEN + timedelta(hours=1))})

        assert TriageSession.objects.count() == 2

    @pytest.mark.parametrize("key", ["", "x", "\0", "a" * 5000, "5f0c1a7e9d3b4e0f8a6c2b1d4e5f6a7b"])
    def test_believes_no_key_that_was_not_made_here(self, client, filled, key):
        answer = client.post(PAGE, {**filled, "key": key})

        assert answer.status_code in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST}
        [fresh] = re.findall(r'name="key" value="([^"]+)"', text(answer))
        assert client.post(PAGE, {**filled, "key": fresh}).status_code == HTTPStatus.FOUND
        assert TriageSession.objects.count() == 1

    def test_asks_to_look_again_after_a_day(self, client, filled):
        with time_machine.travel(timezone.now() + timedelta(hours=25)):
            answer = client.post(PAGE, filled)

        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "open for too long" in text(answer)

    def test_keeps_what_was_typed_when_the_time_just_went(self, client, filled, sarah):
        take(sarah, TEN)

        answer = client.post(PAGE, filled)

        page = text(answer)
        assert answer.status_code == HTTPStatus.CONFLICT
        assert "not free any more" in page
        assert 'value="leo.martin@example.com"' in page
        assert f'value="{written(TEN)}"' not in page
        assert TriageSession.objects.count() == 0

    @pytest.mark.parametrize(
        "time", ["", "soon", "2026-11-23T10:00", "9999-12-31T23:59:00Z", "2150-01-01T00:00:00Z", "2020-01-06T00:00:00Z"]
    )
    def test_refuses_times_that_nobody_offers(self, client, filled, time):
        answer = client.post(PAGE, {**filled, "time": time})

        assert 400 <= answer.status_code < 500
        assert 'role="alert"' in text(answer)
        assert TriageSession.objects.count() == 0

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("name", "", "Tell us your name."),
            ("name", "Win at www.casino.example", "Say a name"),
            ("name", "<script>alert(1)</script>", "Say a name"),
            ("name", "x" * 256, "at most 255"),
            ("email", "", "Tell us your e-mail address."),
            ("email", "leo", "Write the whole address"),
            ("email", "leo@example.com\nBcc: all@example.com", "Write the whole address"),
            ("phone", "", "Tell us your phone number."),
            ("phone", "123", "Write the number like"),
            ("phone", "+99 999 999 999 999", "Write the number like"),
            ("concern", "x" * 2001, "at most 2000"),
            ("concern", "4111 1111 1111 1111", "card number"),
            ("agrees", "", "Tick this"),
        ],
    )
    def test_says_beside_the_field_what_is_wrong(self, client, filled, field, value, sentence):
        answer = client.post(PAGE, {**filled, field: value})

        page = text(answer)
        assert answer.status_code == HTTPStatus.BAD_REQUEST
        [wrong] = re.findall(rf'id="id_{field}_error">(.*?)</p>', page)
        assert sentence in wrong
        assert re.search(rf'aria-describedby="[^"]*id_{field}_error"', page)
        assert f'<a href="#id_{field}">' in page
        assert TriageSession.objects.count() == Patient.objects.count() == 0

    @pytest.mark.parametrize("field", ["name", "email", "phone", "concern", "time", "zone", "key", "wording", "day"])
    def test_shows_a_script_as_the_text_that_it_is(self, client, filled, field):
        hostile = '"><script>alert(1)</script>'

        page = text(client.post(PAGE, {**filled, "agrees": "", field: hostile}))

        assert hostile not in page
        assert page.count("<script") == 1

    @pytest.mark.parametrize("field", ["name", "email", "phone", "concern", "time", "zone", "key", "wording", "day"])
    def test_refuses_null_bytes(self, client, filled, field):
        answer = client.post(PAGE, {**filled, field: "a\0b"})

        assert answer.status_code in {HTTPStatus.FOUND, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
        assert all("\0" not in patient.name + patient.time_zone for patient in Patient.objects.all())

    def test_reads_broken_utf_8(self, client, filled):
        body = b"&".join(f"{name}={value}".encode() for name, value in filled.items() if name != "name")

        answer = client.post(PAGE, body + b"&name=\xff\xfe%ff%00%c3", content_type="application/x-www-form-urlencoded")

        assert answer.status_code == HTTPStatus.BAD_REQUEST

    def test_needs_the_token_of_the_page(self, filled):
        answer = Client(enforce_csrf_checks=True).post(PAGE, filled)

        assert answer.status_code == HTTPStatus.FORBIDDEN
        assert TriageSession.objects.count() == 0


class TestMany:
    @pytest.fixture
    def rate(self, settings):
        rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]

        def set_rate(**changed):
            changed = {scope.replace("_", "-"): value for scope, value in changed.items()}
            settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates | changed}

        return set_rate

    def test_are_told_to_wait(self, client, filled, rate):
        rate(public_write="2/d")

        answers = [client.post(PAGE, {}) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [400, 400, 429]
        assert "Too many tries" in text(answers[2])
        assert int(answers[2]["Retry-After"]) > 0

    def test_do_not_fill_one_mailbox(self, client, filled, rate):
        rate(public_email="2/d")

        answers = [
            client.post(PAGE, {**filled, "key": consultations.new_key(), "time": written(TEN + timedelta(hours=n))})
            for n in range(3)
        ]

        assert [answer.status_code for answer in answers] == [302, 302, 429]
        assert "Too many calls" in text(answers[2])
        assert TriageSession.objects.count() == 2


class TestRobots:
    def test_are_told_the_same_and_nothing_is_kept(self, client, filled):
        robot = client.post(PAGE, {**filled, "website": "https://casino.example"}, follow=True)

        assert TriageSession.objects.count() == Patient.objects.count() == Message.objects.count() == 0
        person = client.post(PAGE, filled, follow=True)
        assert [status for _, status in robot.redirect_chain] == [status for _, status in person.redirect_chain]
        without_links = [re.sub(r'href="/call/[^"]+"', "", text(answer)) for answer in (robot, person)]
        assert without_links[0] == without_links[1]

    def test_are_held_to_the_same_form(self, client, filled):
        answer = client.post(PAGE, {**filled, "website": "x", "email": ""})

        assert answer.status_code == HTTPStatus.BAD_REQUEST


class TestPlanned:
    def receipt(self, client, filled):
        return client.post(PAGE, filled)["Location"]

    def test_follows_the_call(self, client, filled):
        address = self.receipt(client, filled)
        booking = TriageSession.objects.get().consultation

        lifecycle.move(booking_id=booking.pk, starts_at=TEN + timedelta(hours=2), by=None, now=timezone.now())
        moved = client.get(address)
        lifecycle.cancel(booking_id=booking.pk, reason="Ill", by=None, now=timezone.now())
        cancelled = client.get(address)

        assert "12:00 pm in Melbourne" in text(moved)
        assert cancelled.status_code == HTTPStatus.GONE
        assert "was cancelled" in text(cancelled)

    def test_believes_no_address_that_was_not_written_here(self, client, sarah):
        others = signing.Signer(salt="other").sign("x"), signing.TimestampSigner().sign_object({"at": 1})
        for token in ("x", "a-b:c", *others):
            answer = client.get(reverse("free-consultation-planned", args=[token]))

            assert answer.status_code == HTTPStatus.NOT_FOUND
