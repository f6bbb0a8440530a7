"""The form of a visit: which one, how far it is, and filling it in."""

from datetime import timedelta

import pytest

from bookings import lifecycle
from bookings.intake import form_filling
from bookings.intake.form_filling import AlreadySent, NotComplete, OtherAnswers
from bookings.models import Booking, FormAnswers
from botaniqal.errors import Malformed
from botaniqal.public import LinkOver
from services import forms
from services.models import AppointmentType, FormVersion
from tests.factories import BookingFactory, UserFactory, next_morning

from .filling import ASKED, NOW, published, save, sent

pytestmark = pytest.mark.django_db


class TestWantedOf:
    @pytest.mark.parametrize(
        ("kind", "slug"),
        [
            (AppointmentType.Kind.INITIAL, "intake"),
            (AppointmentType.Kind.FOLLOWUP, "medical-history"),
            (AppointmentType.Kind.CONSULTATION, "intake"),
        ],
    )
    def test_goes_by_service_and_kind(self, booked, kind, slug):
        booked.appointment_type.kind = kind

        assert form_filling.wanted_of(booked).form.slug == slug

    def test_is_none_where_the_service_asks_for_none(self):
        assert form_filling.wanted_of(BookingFactory()) is None

    def test_is_none_for_a_form_that_was_put_away(self, booked, intake):
        intake.is_active = False
        intake.save()

        assert form_filling.wanted_of(Booking.objects.get()) is None

    def test_is_none_without_a_version_in_use(self, booked, intake):
        forms.retire(version_id=intake.versions.get().pk, by=UserFactory(), now=NOW)

        assert form_filling.state_of(booked) == "none"

    def test_stays_with_the_version_that_was_begun(self, booked, intake):
        begun = save(booked, concern="Sleep").version
        published(intake, ASKED[0])

        assert form_filling.wanted_of(booked) == begun


class TestStateOf:
    def test_follows_the_filling(self, booked):
        states = [form_filling.state_of(booked)]
        save(booked, concern="Sleep")
        states.append(form_filling.state_of(booked))
        form_filling.send(booking_id=booked.pk, revision=1, now=NOW)
        states.append(form_filling.state_of(booked))

        assert states == ["to_fill", "draft", "sent"]

    def test_is_sent_when_the_same_form_came_from_jotform(self, booked):
        row = FormAnswers(source="jotform", form_id="240000000000001", external_id="1", answers=[], booking=booked)
        row.submitted_at = row.fetched_at = NOW
        row.save()

        assert form_filling.state_of(booked) == "sent"

    def test_is_not_moved_by_another_form_from_jotform(self, booked):
        row = FormAnswers(source="jotform", form_id="666", external_id="1", answers=[], booking=booked)
        row.submitted_at = row.fetched_at = NOW
        row.save()

        assert form_filling.state_of(booked) == "to_fill"


class TestSaveDraft:
    def test_keeps_what_was_typed_though_it_is_not_complete(self, booked):
        row = save(booked, age="many")

        assert (row.draft, row.draft_revision, row.answers) == ({"age": "many"}, 1, [])
        assert (row.source, row.form_id, row.submitted_at, row.saved_at) == ("portal", "intake", None, NOW)

    def test_never_overwrites_what_another_window_saved(self, booked):
        save(booked, concern="Sleep")
        save(booked, revision=1, concern="Sleep and pain")

        with pytest.raises(OtherAnswers) as refused:
            save(booked, revision=1, concern="Pain")

        assert refused.value.extra == {"draft": {"concern": "Sleep and pain"}, "revision": 2}
        assert FormAnswers.objects.get().draft == {"concern": "Sleep and pain"}

    def test_takes_the_same_twice_as_once(self, booked):
        save(booked, concern="Sleep")

        assert save(booked, concern="Sleep").draft_revision == 1

    def test_lets_a_window_win_that_saw_the_other(self, booked):
        save(booked, concern="Sleep")

        assert save(booked, revision=1, concern="Pain").draft == {"concern": "Pain"}

    @pytest.mark.parametrize("text", ["4111 1111 1111 1111", "a\0b", "x" * 5001])
    def test_refuses_what_cannot_be_kept(self, booked, text):
        with pytest.raises(Malformed):
            save(booked, concern=text)

        assert not FormAnswers.objects.exists()

    def test_refuses_the_questions_of_another_form(self, booked):
        with pytest.raises(OtherAnswers):
            save(booked, version=FormVersion.objects.get(form__slug="medical-history"), had_operations="no")

    def test_refuses_the_questions_of_a_draft(self, booked, intake):
        with pytest.raises(OtherAnswers):
            save(booked, version=forms.begin_draft(form_id=intake.pk, by=None), concern="Sleep")

    @pytest.mark.parametrize("state", [Booking.State.COMPLETED, Booking.State.NO_SHOW])
    def test_ends_with_the_visit(self, booked, state):
        Booking.objects.update(state=state)

        with pytest.raises(LinkOver):
            save(booked, concern="Sleep")

    def test_goes_on_while_the_visit_does(self, booked):
        save(booked, concern="Sleep", now=booked.ends_at - timedelta(minutes=1))

        with pytest.raises(LinkOver, match="nothing to fill in"):
            save(booked, concern="Pain", revision=1, now=booked.ends_at)

    def test_ends_with_a_cancellation(self, booked):
        lifecycle.cancel(booking_id=booked.pk, reason="Ill", by=None, now=NOW)

        with pytest.raises(LinkOver, match="was cancelled"):
            save(booked, concern="Sleep")


class TestSend:
    def test_writes_the_answers_down_in_words_with_their_version(self, booked, intake):
        row = sent(booked, age="42")
        row.refresh_from_db()

        assert row.answers == [
            {"name": "concern", "question": "What brings you here?", "answer": "Sleep", "value": "Sleep"},
            {"name": "age", "question": "How old are you?", "answer": "42", "value": 42},
        ]
        assert (row.draft, row.submitted_at, row.version) == ({}, NOW, intake.versions.get())

    def test_says_what_is_missing_and_keeps_the_draft(self, booked):
        save(booked, age="200")

        with pytest.raises(NotComplete) as refused:
            form_filling.send(booking_id=booked.pk, revision=1, now=NOW)

        assert list(refused.value.details) == ["concern", "age"]
        assert FormAnswers.objects.get().draft == {"age": "200"}

    def test_is_the_last_word(self, booked):
        sent(booked)

        for again in (
            lambda: save(booked, revision=1, concern="Pain"),
            lambda: form_filling.send(booking_id=booked.pk, revision=1, now=NOW),
        ):
            with pytest.raises(AlreadySent):
                again()

        assert FormAnswers.objects.get().answers[0]["answer"] == "Sleep"

    def test_sends_nothing_that_the_window_did_not_show(self, booked):
        save(booked, concern="Sleep")
        save(booked, revision=1, concern="Something else")

        with pytest.raises(OtherAnswers):
            form_filling.send(booking_id=booked.pk, revision=1, now=NOW)

    def test_stays_readable_after_the_visit(self, booked):
        sent(booked)
        lifecycle.complete(booking_id=booked.pk, by=None, now=next_morning(12))

        assert form_filling.state_of(Booking.objects.get()) == "sent"
