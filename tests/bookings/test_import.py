"""Taking over the bookings of before."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from bookings.models import Booking, Patient, Payment, SyncRecord
from botaniqal.messages.models import Message
from practitioners import diary
from practitioners.models import BusyPeriod
from tests.factories import AppointmentTypeFactory, PractitionerFactory, next_morning

pytestmark = pytest.mark.django_db

COLUMNS = [
    "reference",
    "patient_name",
    "patient_email",
    "patient_phone",
    "patient_date_of_birth",
    "practitioner",
    "appointment_type",
    "starts_at",
    "minutes",
    "price",
    "state",
    "payment_method",
    "payment_status",
    "calendly_event",
    "medirecords_appointment",
    "notes",
]
AHEAD = next_morning(10)
PAST = AHEAD - timedelta(days=30)
ROW = {
    "reference": "old-1",
    "patient_name": "Leo Martin",
    "patient_email": "leo@example.com",
    "patient_phone": "0491 570 156",
    "practitioner": "dia@clinic.example",
    "appointment_type": "initial-old",
    "starts_at": AHEAD.isoformat(),
}


@pytest.fixture(autouse=True)
def dia():
    kind = AppointmentTypeFactory(code="initial-old")
    return PractitionerFactory(
        name="Dr Dia",
        email="dia@clinic.example",
        gives=[kind],
        calendar_provider="calendly",
        time_zone="Australia/Perth",
    )


@pytest.fixture
def load(tmp_path):
    def load(*rows: dict[str, str], options: tuple[str, ...] = ()) -> None:
        path = tmp_path / "bookings.csv"
        lines = [",".join(row.get(name, "") for name in COLUMNS) for row in rows]
        path.write_text("\n".join([",".join(COLUMNS), *lines]))
        call_command("import_bookings", path, *options)

    return load


class TestImportBookings:
    def test_takes_a_visit_that_lies_ahead(self, load, dia, capsys):
        load(ROW)

        booking = Booking.objects.get()
        assert (booking.source, booking.state, booking.starts_at) == ("import", "confirmed", AHEAD)
        assert (booking.entry.starts_at, booking.entry.practitioner) == (AHEAD, dia)
        assert booking.price == Decimal(119)
        assert capsys.readouterr().out == "1 taken.\n"

    def test_takes_a_row_once(self, load, capsys):
        load(ROW)
        load(ROW, ROW | {"reference": "old-2", "starts_at": (AHEAD + timedelta(hours=1)).isoformat()})

        assert Booking.objects.count() == 2
        assert capsys.readouterr().out.endswith("1 known already, 1 taken.\n")

    def test_writes_to_nobody_and_owes_nothing(self, load):
        load(ROW)

        assert not Message.objects.exists()
        assert not SyncRecord.objects.open().exists()

    def test_owes_what_the_vendors_do_not_know_when_asked_to(self, load):
        load(ROW | {"calendly_event": "https://api.calendly.com/scheduled_events/EV1"}, options=("--owe",))

        assert list(SyncRecord.objects.open().values_list("system", flat=True)) == ["medirecords"]
        assert SyncRecord.objects.get(system="calendly").external_id == "EV1"

    def test_reads_a_time_without_offset_by_the_practitioners_clock(self, load):
        load(ROW | {"starts_at": "2024-05-01 09:00", "state": "completed"})

        assert Booking.objects.get().starts_at.isoformat() == "2024-05-01T01:00:00+00:00"

    def test_refuses_a_time_that_the_clocks_make_unclear(self, load, dia):
        dia.time_zone = "Australia/Melbourne"
        dia.save()

        with pytest.raises(CommandError):
            load(ROW | {"starts_at": "2024-04-07 02:30", "state": "completed"})

        assert not Booking.objects.exists()

    @pytest.mark.parametrize(
        ("state", "ends"),
        [("completed", "completed"), ("no_show", "no_show"), ("cancelled", "cancelled"), ("", "confirmed")],
    )
    def test_ends_a_visit_of_the_past_as_it_ended(self, load, state, ends):
        load(ROW | {"starts_at": PAST.isoformat(), "state": state})

        booking = Booking.objects.get()
        assert booking.state == ends
        assert booking.entry is None

    def test_keeps_what_was_paid(self, load):
        load(ROW | {"price": "79.50", "payment_status": "collected", "payment_method": "cash"})

        payment = Payment.objects.get()
        assert (payment.amount, payment.status, payment.method) == (Decimal("79.50"), "collected", "cash")

    def test_knows_a_patient_by_name_and_something_else(self, load):
        load(
            ROW,
            ROW | {"reference": "2", "starts_at": PAST.isoformat(), "patient_email": "other@example.com"},
            ROW | {"reference": "3", "starts_at": PAST.isoformat(), "patient_name": "Mia Martin"},
        )

        assert sorted(Patient.objects.values_list("name", flat=True)) == ["Leo Martin", "Mia Martin"]

    def test_tells_namesakes_apart_by_their_birth(self, load):
        load(
            ROW | {"patient_date_of_birth": "1980-01-01"},
            ROW | {"reference": "2", "starts_at": PAST.isoformat(), "patient_date_of_birth": "2010-01-01"},
        )

        assert Patient.objects.count() == 2

    def test_takes_what_the_outside_calendar_shows_at_that_very_time_for_the_visit(self, load, dia):
        BusyPeriod.objects.create(
            practitioner=dia, starts_at=AHEAD, ends_at=AHEAD + timedelta(minutes=15), calendar="calendly"
        )

        load(ROW)

        assert not BusyPeriod.objects.exists()

    def test_reports_what_clashes_and_takes_the_rest(self, load, dia, capsys):
        diary.take(practitioner=dia, span=diary.Span(AHEAD, AHEAD + timedelta(minutes=15)), by=None)

        with pytest.raises(CommandError) as left:
            load(ROW, ROW | {"reference": "2", "starts_at": (AHEAD + timedelta(hours=1)).isoformat()})

        assert left.value.returncode == 1
        assert "! Line 2: Dr Dia is taken then" in capsys.readouterr().out
        assert Booking.objects.count() == 1

    def test_makes_nothing_in_a_dry_run_but_says_what_would_clash(self, load, capsys):
        with pytest.raises(CommandError):
            load(ROW, ROW | {"reference": "2"}, options=("--dry-run",))

        said = capsys.readouterr().out
        assert "! Line 3: Dr Dia is taken then" in said
        assert "Dry run: 1 taken. Nothing was changed." in said
        assert not Booking.objects.exists()
        assert not Patient.objects.exists()

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"reference": ""}, "reference must not be empty"),
            ({"patient_name": ""}, "patient_name must not be empty"),
            ({"patient_name": "x" * 300}, "patient_name must not be longer than 255"),
            ({"patient_email": "leo"}, "no e-mail address"),
            ({"patient_phone": "12"}, "no phone number"),
            ({"patient_date_of_birth": "1.2.1980"}, "patient_date_of_birth must look like"),
            ({"practitioner": "Dr Who"}, "no practitioner “Dr Who”"),
            ({"appointment_type": "none"}, "no appointment type “none”"),
            ({"starts_at": "tomorrow"}, "starts_at must look like"),
            ({"starts_at": "9999-12-31 23:59"}, "between 2000 and 2100"),
            ({"minutes": "-5"}, "minutes must be a whole number"),
            ({"minutes": "9999"}, "minutes must lie between"),
            ({"price": "free"}, "price must be dollars"),
            ({"price": "1e99"}, "price must be dollars"),
            ({"price": "NaN"}, "price must be dollars"),
            ({"state": "lost"}, "state must be one of"),
            ({"state": "completed"}, "cannot be completed"),
            ({"payment_method": "gold"}, "payment_method must be one of"),
            ({"payment_status": "maybe"}, "payment_status must be one of"),
            ({"notes": "4111 1111 1111 1111"}, "card number"),
            ({"starts_at": (AHEAD + timedelta(minutes=2)).isoformat()}, "five-minute grid"),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_says_what_is_wrong_with_a_row(self, load, capsys, wrong, said):
        with pytest.raises(CommandError) as left:
            load(ROW | wrong)

        assert left.value.returncode == 1
        assert said in capsys.readouterr().out
        assert not Booking.objects.exists()

    def test_refuses_a_reference_twice_in_a_file(self, load, capsys):
        with pytest.raises(CommandError):
            load(ROW, ROW)

        assert "! Line 3: its reference stands in line 2 already." in capsys.readouterr().out

    def test_refuses_an_event_that_another_booking_has(self, load, capsys):
        later = (AHEAD + timedelta(hours=1)).isoformat()
        with pytest.raises(CommandError):
            load(ROW | {"calendly_event": "EV1"}, ROW | {"reference": "2", "starts_at": later, "calendly_event": "EV1"})

        assert "known by that Calendly id already" in capsys.readouterr().out
        assert Booking.objects.count() == 1

    def test_says_no_name_of_a_patient(self, load, capsys):
        with pytest.raises(CommandError):
            load(ROW, ROW | {"reference": "2"})

        assert "Martin" not in "".join(capsys.readouterr())

    def test_numbers_them_like_any_other(self, load):
        load(ROW)

        assert Booking.objects.get().number.startswith(f"BOT-{timezone.localdate().year}-")
