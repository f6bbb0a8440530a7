"""The page on which a patient fills in the form of a booked, without JavaScript and as the script asks it."""

from http import HTTPStatus
from urllib.parse import urlencode
from uuid import uuid4

import hypothesis
import pytest
from django.conf import settings
from django.test import Client
from hypothesis import strategies as st

from bookings import lifecycle
from bookings.models import FormAnswers
from bookings.self_service import links
from services import form_schema
from services.form_questions import Kind, Question
from services.models import Form
from tests.factories import AppointmentTypeFactory, BookingFactory, PatientFactory, ServiceFactory

from .filling import NOW, published, sent
from .filling import save as save_draft

pytestmark = pytest.mark.django_db
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def address(booked):
    return links.to_visit(booked, page="visit-form").removeprefix(settings.PUBLIC_BASE_URL)


@pytest.fixture
def visitor():
    return Client(REMOTE_ADDR=f"{uuid4()}")  # throttled apart from other tests


def post(visitor, address, *, do="save", revision=0, headers=None, **said):
    return visitor.post(address, {"do": do, "revision": revision, "version": 1, **said}, headers=headers)


class TestLooking:
    def test_shows_the_questions_and_no_more_of_the_patient_than_needed(self, visitor, address, booked):
        answer = visitor.get(address)
        page = answer.content.decode()

        assert "Before your visit" in page
        assert "What brings you here?" in page
        assert "Hello Leo" in page
        assert booked.patient.email not in page
        assert booked.patient.phone not in page
        assert "no-store" in answer["Cache-Control"]
        assert not FormAnswers.objects.exists()

    def test_shows_what_was_filled_in_so_far(self, visitor, address, booked):
        save_draft(booked, concern="</textarea><script>alert(1)</script>", age="many")

        page = visitor.get(address).content.decode()

        assert "&lt;/textarea&gt;&lt;script&gt;" in page
        assert 'value="many"' in page

    def test_does_not_show_what_was_sent(self, visitor, address, booked):
        sent(booked, concern="Something private")

        page = visitor.get(address).content.decode()

        assert "was sent on" in page
        assert "private" not in page

    def test_says_when_nothing_is_asked(self, visitor):
        address = links.to_visit(BookingFactory(), page="visit-form").removeprefix(settings.PUBLIC_BASE_URL)

        assert "nothing has to be filled in" in visitor.get(address).content.decode()

    def test_says_when_the_visit_was_cancelled(self, visitor, address, booked):
        lifecycle.cancel(booking_id=booked.pk, reason="Ill", by=None, now=NOW)

        answer = visitor.get(address)

        assert answer.status_code == HTTPStatus.GONE
        assert "was cancelled" in answer.content.decode()

    def test_refuses_a_link_that_was_made_void_or_forged(self, visitor, address, booked):
        links.make_void(booking=booked)

        assert visitor.get(address).status_code == HTTPStatus.GONE
        assert post(visitor, address, concern="x").status_code == HTTPStatus.GONE
        assert visitor.get(address.replace("/form", "x/form")).status_code == HTTPStatus.NOT_FOUND


class TestSaving:
    def test_comes_back_to_what_was_typed(self, visitor, address):
        answer = post(visitor, address, concern="Sleep", age="many")
        page = visitor.get(answer["Location"]).content.decode()

        assert answer.status_code == HTTPStatus.FOUND
        assert "Saved. Come back with the same link" in page
        assert "Sleep" in page
        assert 'name="revision" value="1"' in page

    def test_shows_another_windows_answers_beside_ones_own(self, visitor, address):
        post(visitor, address, concern="Sleep")

        refused = post(visitor, address, concern="Pain", age="42")
        page = refused.content.decode()
        kept = FormAnswers.objects.get().draft
        again = post(visitor, address, revision=1, concern="Pain", age="42")

        assert refused.status_code == HTTPStatus.CONFLICT
        assert kept == {"concern": "Sleep"}
        assert "Pain" in page
        assert "In the other window: Sleep" in page
        assert "data-held" in page  # no script saves over it
        assert again.status_code == HTTPStatus.FOUND
        assert FormAnswers.objects.get().draft == {"concern": "Pain", "age": "42"}

    @pytest.mark.parametrize("text", ["Pay by 4111 1111 1111 1111", "a\0b", "x" * 5001], ids=["card", "NUL", "long"])
    def test_refuses_in_a_sentence_beside_the_question_what_cannot_be_kept(self, visitor, address, text):
        refused = post(visitor, address, concern=text, age="42")
        page = refused.content.decode()

        assert refused.status_code == HTTPStatus.BAD_REQUEST
        assert 'id="problem-concern"' in page
        assert 'value="42"' in page
        assert not FormAnswers.objects.exists()

    def test_goes_on_with_the_version_that_was_open(self, visitor, address, intake):
        published(intake, Question(name="other", text="Else?", kind=Kind.TEXT))

        post(visitor, address, concern="Sleep")
        row = FormAnswers.objects.get()

        assert (row.version.version, row.draft) == (1, {"concern": "Sleep"})

    @pytest.mark.parametrize("junk", ["-1", "x", "9" * 50, "", "²"])
    def test_takes_no_nonsense_for_a_revision_or_version(self, visitor, address, junk):
        answer = visitor.post(address, {"do": "save", "revision": junk, "version": junk, "concern": "Sleep"})

        assert answer.status_code == HTTPStatus.CONFLICT

    def test_refuses_a_body_without_end(self, visitor, address):
        assert post(visitor, address, concern="x" * 2_000_000).status_code == HTTPStatus.BAD_REQUEST
        many = urlencode([(f"q{n}", "x") for n in range(2000)])
        answer = visitor.post(address, many, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == HTTPStatus.BAD_REQUEST


class TestScript:
    def test_learns_the_revision(self, visitor, address):
        answers = [post(visitor, address, revision=n, concern=f"Sleep {n}", headers=SCRIPT) for n in range(2)]

        assert [answer.json() for answer in answers] == [{"revision": 1}, {"revision": 2}]

    def test_learns_why_nothing_was_saved(self, visitor, address):
        post(visitor, address, concern="Sleep")

        conflict = post(visitor, address, concern="Pain", headers=SCRIPT)
        refused = post(visitor, address, revision=1, concern="4111111111111111", headers=SCRIPT)

        assert conflict.status_code == HTTPStatus.CONFLICT
        assert "another window" in conflict.json()["error"]
        assert "card number" in refused.json()["details"]["concern"][0]


class TestSending:
    def test_sends_it_off(self, visitor, address):
        answer = post(visitor, address, do="send", concern="Sleep", age="42")

        assert answer.status_code == HTTPStatus.FOUND
        assert "was sent on" in visitor.get(answer["Location"]).content.decode()
        assert FormAnswers.objects.sent_in().get().answers[1]["answer"] == "42"

    def test_names_what_is_missing_first_and_beside_the_question(self, visitor, address):
        refused = post(visitor, address, do="send", age="200")
        page = refused.content.decode()

        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert '<a href="#q-concern">What brings you here?</a>: Please answer this question.' in page
        assert 'id="problem-age"' in page
        assert 'value="200"' in page
        assert 'name="revision" value="1"' in page  # it was kept
        assert FormAnswers.objects.get().draft == {"age": "200"}

    def test_can_be_pressed_twice(self, visitor, address):
        for _ in range(2):
            answer = post(visitor, address, do="send", concern="Sleep")

        assert answer.status_code in (HTTPStatus.OK, HTTPStatus.FOUND)
        assert FormAnswers.objects.sent_in().count() == 1

    def test_is_refused_to_who_knocks_too_often(self, visitor, address, settings):
        settings.REST_FRAMEWORK = {
            **settings.REST_FRAMEWORK,
            "DEFAULT_THROTTLE_RATES": {"public-write": "1/h", "public-read": "9/h"},
        }
        statuses = [post(visitor, address, concern=f"{n}").status_code for n in range(8)]

        assert statuses[-1] == HTTPStatus.TOO_MANY_REQUESTS


FIELDS = st.sampled_from(["concern", "age", "do", "revision", "version", "website", "csrfmiddlewaretoken", "x[]", ""])
BODIES = st.lists(st.tuples(FIELDS | st.text(max_size=5), st.text(max_size=40) | st.sampled_from(["send", "0", "1"])))


@hypothesis.settings(
    max_examples=25, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(body=BODIES, is_script=st.booleans())
def test_answers_any_body_with_a_page_or_a_sentence(booked, address, body, is_script):
    FormAnswers.objects.all().delete()
    visitor = Client(REMOTE_ADDR=f"{uuid4()}")
    encoded = urlencode(body, errors="replace")

    answer = visitor.post(
        address, encoded, content_type="application/x-www-form-urlencoded", headers=SCRIPT if is_script else None
    )

    assert answer.status_code in (200, 302, 400, 409, 422)
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        assert answer.json()["error"] if is_script else 'role="alert"' in answer.content.decode()


@pytest.mark.parametrize("slug", ["mini-intake", "medical-history", "nutrition-assessment", "weight-and-lifestyle"])
def test_the_clinics_own_forms_render_and_can_be_filled(visitor, slug):
    service = ServiceFactory(initial_form=Form.objects.get(slug=slug))
    booking = BookingFactory(
        appointment_type=AppointmentTypeFactory(service=service), patient=PatientFactory(time_zone="Australia/Perth")
    )
    address = links.to_visit(booking, page="visit-form").removeprefix(settings.PUBLIC_BASE_URL)
    questions = form_schema.read(service.initial_form.versions.get().schema)
    filled = {one.name: _some(one) for one in questions if one.is_required and not one.only_if}
    for one in questions:
        if one.only_if and filled.get(one.only_if.name) == one.only_if.value:
            filled[one.name] = _some(one)

    refused = post(visitor, address, do="send")
    answer = post(visitor, address, do="send", revision=1, **filled)

    assert refused.content.decode().count("Please answer this question.") >= 2
    assert answer.status_code == HTTPStatus.FOUND, answer.content.decode()
    assert FormAnswers.objects.sent_in().count() == 1


def _some(question):
    by_kind = {
        Kind.LONG: "Some words",
        Kind.TEXT: "A word",
        Kind.TICK: "yes",
        Kind.YES_NO: "no",
        Kind.DATE: "2020-01-02",
    }
    return by_kind.get(question.kind) or (question.choices[0] if question.choices else f"{question.least or 1:g}")
