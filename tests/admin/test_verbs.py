"""Verbs: a button, a dialog, one POST."""

from urllib.parse import quote, urlencode

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from bookings.models import Booking, CancelReason, SyncRecord
from tests.admin.conftest import logged_in, somebody
from tests.factories import BookingFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db


def verb_of(row, name: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_verb", args=(row.pk, name))


def told(answer) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


class TestVerbView:
    def test_changes_nothing_by_looking(self, operations):
        booking = BookingFactory()

        answer = operations.get(verb_of(booking, "cancel"), {"reason": "Asked to"})
        booking.refresh_from_db()

        assert answer.status_code == 200
        assert booking.state == Booking.State.CONFIRMED

    def test_gives_the_form_alone_to_a_dialog(self, operations):
        booking = BookingFactory()

        page = operations.get(verb_of(booking, "cancel"), headers={"X-Fragment": "dialog"}).content.decode()

        assert page.lstrip().startswith("<form")
        assert "<html" not in page

    def test_does_it_on_post_and_says_so(self, operations):
        booking, cause = BookingFactory(), CancelReason.objects.get(code="price")

        answer = operations.post(verb_of(booking, "cancel"), {"cause": cause.pk, "reason": "Too much"})
        booking.refresh_from_db()

        assert (booking.state, booking.cancel_reason) == (Booking.State.CANCELLED, "Price: Too much")
        assert told(answer) == [f"{booking.number} is cancelled. The patient is told by e-mail."]

    @pytest.mark.parametrize(
        ("back", "leads_to"),
        [
            ("/admin/calendar/?date=2026-12-01", "/admin/calendar/?date=2026-12-01"),
            ("https://evil.example/", None),
            ("//evil.example/", None),
            ("javascript:alert(1)", None),
        ],
    )
    def test_leads_back_to_the_page_of_ours_that_it_was_used_from(self, operations, back, leads_to):
        booking, cause = BookingFactory(), CancelReason.objects.get(code="price")
        address = f"{verb_of(booking, 'cancel')}?{urlencode({'back': back})}"
        asked = operations.get(address).content.decode()

        answer = operations.post(address, {"cause": cause.pk, "reason": "Too much"})

        assert f'action="{escape(address)}"' in asked
        assert answer["Location"] == (leads_to or reverse("admin:bookings_booking_change", args=[booking.pk]))

    @pytest.mark.parametrize("door", ["verb", "form"])
    def test_keeps_card_numbers_out(self, operations, door):
        booking, number = BookingFactory(), "4111 1111 1111 1111"

        if door == "verb":
            cause = CancelReason.objects.get(code="price")
            operations.post(verb_of(booking, "cancel"), {"cause": cause.pk, "reason": number})
        else:
            operations.post(reverse("admin:bookings_booking_change", args=[booking.pk]), {"notes": number})
        booking.refresh_from_db()

        assert (booking.state, booking.notes) == (Booking.State.CONFIRMED, "")

    def test_asks_again_when_something_is_missing(self, operations):
        booking = BookingFactory()

        answer = operations.post(verb_of(booking, "cancel"), {"reason": ""})
        booking.refresh_from_db()

        assert "This field is required." in answer.content.decode()
        assert booking.state == Booking.State.CONFIRMED

    def test_shows_what_a_rule_of_the_clinic_refused(self, operations):
        booking = BookingFactory()

        answer = operations.post(verb_of(booking, "move"), {"starts_at": "2020-01-01T09:00"}, follow=True)

        assert answer.redirect_chain == [(verb_of(booking, "move"), 302)]
        assert booking.starts_at == Booking.objects.get().starts_at
        assert 'class="notice error"' in answer.content.decode()

    def test_is_kept_from_those_who_may_only_look(self):
        booking = BookingFactory()
        browser = logged_in(somebody("management"))

        answer = browser.post(verb_of(booking, "cancel"), {"reason": "Asked to"})

        assert answer.status_code == 403
        assert Booking.objects.get().state == Booking.State.CONFIRMED

    def test_says_when_it_is_too_late(self, operations):
        booking = BookingFactory(state=Booking.State.COMPLETED)

        answer = operations.post(verb_of(booking, "cancel"), {"reason": "Asked to"})

        assert told(answer) == ["“Cancel booking” is no longer possible here."]

    def test_knows_no_other_methods(self, operations):
        booking = BookingFactory()

        answer = operations.post(verb_of(booking, "get_queryset"))

        assert answer.status_code == 404

    def test_knows_no_missing_rows(self, operations):
        gone = BookingFactory()
        gone.delete()

        assert operations.get(f"/admin/bookings/booking/{quote(str(gone.pk or 'none'))}/do/cancel/").status_code == 404


class TestMove:
    def test_gives_the_visit_another_time_of_the_clinics_clock(self, operations):
        booking = BookingFactory()
        booking.practitioner.appointment_types.add(booking.appointment_type)
        wanted = next_morning(14)

        operations.post(verb_of(booking, "move"), {"starts_at": f"{timezone.localtime(wanted):%Y-%m-%dT%H:%M}"})
        booking.refresh_from_db()

        assert booking.starts_at == wanted


class TestTryAgain:
    def test_lets_a_machine_try_what_was_stuck(self, operations):
        record = SyncRecord.objects.create(
            booking=BookingFactory(), system="medirecords", attempts=8, needs_person=True, problem="Refused."
        )
        address = reverse("admin:bookings_syncrecord_changelist")

        operations.post(address, {"action": "try_again", "_selected_action": [record.pk]})
        record.refresh_from_db()

        assert (record.needs_person, record.attempts, record.problem) == (False, 0, "")

    def test_is_no_action_for_those_who_may_only_look(self, consultant, sarah):
        booking = BookingFactory(practitioner=sarah)
        record = SyncRecord.objects.create(booking=booking, system="medirecords", needs_person=True)
        address = reverse("admin:bookings_syncrecord_changelist")

        consultant.post(address, {"action": "try_again", "_selected_action": [record.pk]})
        record.refresh_from_db()

        assert record.needs_person


class TestRevokeTokens:
    def test_refuses_what_was_given_until_now(self, operations):
        practitioner = PractitionerFactory(consultant=True)

        operations.post(verb_of(practitioner, "revoke_tokens"))
        practitioner.refresh_from_db()

        assert practitioner.tokens_revoked_at is not None
