"""What was said to whom: the time line, what waits, and the verbs that tell again."""

import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from bookings.models import SyncNote, SyncRecord
from botaniqal.messages.models import Message
from practitioners.models import Practitioner
from tests.admin.conftest import logged_in, somebody
from tests.factories import AppointmentTypeFactory, BookingFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db


def page_of(row, client) -> str:
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return client.get(address).content.decode()


def verb_of(row, name: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_verb", args=(row.pk, name))


def lines(page: str) -> list[str]:
    """The lines of a page's time line, as they are read."""
    found = re.search(r'<ol class="time-line">(.*?)</ol>', page, re.DOTALL)
    return [" ".join(strip_tags(row.replace("<", " <")).split()) for row in found[1].split("</li>")[:-1]]


def told(answer) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.fixture
def booking():
    kind = AppointmentTypeFactory()
    return BookingFactory(appointment_type=kind, practitioner=PractitionerFactory(name="Dr Dia", gives=[kind]))


def note(record, turn, words, minutes):
    row = SyncNote.objects.create(record=record, turn=turn, words=words)
    SyncNote.objects.filter(pk=row.pk).update(at=timezone.now() + timedelta(minutes=minutes))


class TestTimeLine:
    def test_puts_all_systems_and_e_mails_in_order_of_time(self, operations, booking):
        calendly = SyncRecord.objects.create(booking=booking, system="calendly", told=1)
        medirecords = SyncRecord.objects.create(booking=booking, system="medirecords", told=1)
        why = "MediRecords POST /v1/practices/{practice_id}/appointments: no answer. It is tried again by itself."
        note(medirecords, "put_off", why, -3)
        note(calendly, "told", "Entered for Wed 25 Nov 09:00.", -5)
        note(medirecords, "told", "Entered for Wed 25 Nov 09:00 with Dr Dia.", -1)
        mail = {"reference": booking.pk, "to": "a@example.com", "subject": "Hello", "text": "Hi"}
        Message.objects.create(**mail, kind="confirmation", told=1, sent_at=timezone.now() - timedelta(minutes=4))
        Message.objects.create(**mail, kind="moved", needs_person=True, problem="Refused.")

        shown = lines(page_of(booking, operations))

        assert [re.sub(r"^\w+ \d+ \w+ [\d:]+ ", "", line) for line in shown] == [
            "Calendly Told Entered for Wed 25 Nov 09:00.",
            "E-mail Sent Booking confirmed.",
            "MediRecords Put off MediRecords did not answer. It is tried again by itself.",
            "MediRecords Told Entered for Wed 25 Nov 09:00 with Dr Dia.",
            "E-mail Needs help Booking moved. Refused.",
        ]

    def test_keeps_markup_in_words_from_working(self, operations, booking):
        note(SyncRecord.objects.create(booking=booking, system="calendly"), "told", "<b>Bold</b>", 0)

        assert "<b>Bold" not in page_of(booking, operations)

    def test_says_so_where_nothing_was_said(self, operations, booking):
        assert "Nothing was said yet." in page_of(booking, operations)

    def test_stands_on_the_records_own_page_too(self, operations, booking):
        record = SyncRecord.objects.create(booking=booking, system="calendly")
        note(record, "heard", "Cancelled there.", 0)

        assert lines(page_of(record, operations))[0].endswith("Calendly Heard Cancelled there.")

    def test_is_not_for_those_whose_patient_it_is_not(self, consultant, booking):
        record = SyncRecord.objects.create(booking=booking, system="calendly")
        note(record, "told", "Entered.", 0)

        assert "Entered." not in page_of(booking, consultant)
        assert "Entered." not in page_of(record, consultant)


class TestList:
    def test_opens_with_what_needs_a_person_the_soonest_visit_first(self, operations, booking):
        stuck = {"system": "medirecords", "needs_person": True}
        later = SyncRecord.objects.create(booking=BookingFactory(starts_at=next_morning(15, days=3)), **stuck)
        soon = SyncRecord.objects.create(booking=booking, **stuck)
        SyncRecord.objects.create(booking=booking, system="calendly")

        answer = operations.get(reverse("admin:bookings_syncrecord_changelist"))

        assert list(answer.context["cl"].result_list) == [soon, later]

    def test_shows_what_waits_for_a_vendors_limit_and_why(self, operations, booking):
        why = "Waits for Calendly's limit: 100 bookings a day."
        SyncRecord.objects.create(booking=booking, system="calendly", problem=why)

        page = operations.get(reverse("admin:bookings_syncrecord_changelist"), {"view": "open"}).content.decode()

        assert '<span class="badge waiting">Waiting</span>' in page
        assert "Waits for Calendly&#x27;s limit: 100 bookings a day." in page


class TestMove:
    def test_offers_those_who_give_the_appointment(self, operations, booking):
        other = PractitionerFactory(name="Dr Shivani", gives=[booking.appointment_type])
        PractitionerFactory(name="Dr Who")
        PractitionerFactory(name="Dr Gone", gives=[booking.appointment_type], is_active=False)

        page = operations.get(verb_of(booking, "move")).content.decode()

        assert re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)', page) == [
            ("", "Dr Dia, as now"),
            (str(other.pk), "Dr Shivani"),
        ]
        assert f'value="{timezone.localtime(booking.starts_at):%Y-%m-%dT%H:%M}"' in page

    def test_gives_the_visit_to_somebody_else(self, operations, booking):
        other = PractitionerFactory(name="Dr Shivani", gives=[booking.appointment_type])
        wanted = {"starts_at": f"{timezone.localtime(booking.starts_at):%Y-%m-%dT%H:%M}", "practitioner": other.pk}

        answer = operations.post(verb_of(booking, "move"), wanted)

        booking.refresh_from_db()
        assert booking.practitioner == other
        assert told(answer)[0].endswith("with Dr Shivani. The patient is told by e-mail.")

    def test_takes_nobody_who_does_not_give_it(self, operations, booking):
        wanted = {
            "starts_at": f"{timezone.localtime(booking.starts_at):%Y-%m-%dT%H:%M}",
            "practitioner": PractitionerFactory().pk,
        }

        answer = operations.post(verb_of(booking, "move"), wanted)

        assert "Select a valid choice." in answer.content.decode()

    def test_offers_nobody_else_for_a_call(self, operations):
        call = BookingFactory(appointment_type=AppointmentTypeFactory(free=True))

        assert 'name="practitioner"' not in operations.get(verb_of(call, "move")).content.decode()


class TestTellCalendarAgain:
    def test_owes_the_visits_that_lie_ahead(self, operations, booking):
        Practitioner.objects.update(calendar_provider="outlook")

        answer = operations.post(verb_of(booking.practitioner, "tell_calendar_again"))

        assert told(answer) == ["1 visit that lies ahead is told again within seconds."]
        assert set(booking.sync_records.open().values_list("system", flat=True)) == {"outlook", "medirecords"}

    def test_owes_nothing_by_looking(self, operations, booking):
        operations.get(verb_of(booking.practitioner, "tell_calendar_again"))

        assert not booking.sync_records.exists()

    def test_is_kept_from_those_who_may_only_look(self, booking):
        answer = logged_in(somebody("management")).post(verb_of(booking.practitioner, "tell_calendar_again"))

        assert answer.status_code == 403
        assert not booking.sync_records.exists()
