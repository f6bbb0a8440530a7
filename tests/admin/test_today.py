"""Today: the queue and the figures, as each role sees them."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, Payment, SyncRecord
from botaniqal.accounts.roles import ROLES
from tests.admin.conftest import logged_in, somebody
from tests.factories import BookingFactory, PatientFactory, SessionFactory
from triage.models import TriageSession

pytestmark = pytest.mark.django_db

QUERIES = {"consultant": 22, "operations": 34, "management": 55, "clinician": 9, "administrator": 34}


def call(consultant, *, minutes: int = 0, name: str = "Leo Martin", **fields) -> TriageSession:
    """A call that is due so many minutes from now."""
    starts_at = timezone.now() + timedelta(minutes=minutes)
    return SessionFactory(
        consultant=consultant, patient=PatientFactory(name=name), consultation__starts_at=starts_at, **fields
    )


def rows_of(answer) -> list[str]:
    """The words of each row of the queue."""
    rows = re.findall(r"<tr data-row.*?</tr>", answer.content.decode(), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


class TestQueue:
    def test_never_hides_what_an_earlier_day_left_open(self, consultant, sarah):
        call(sarah, minutes=10, name="Later Today")
        call(sarah, minutes=-3 * 24 * 60, name="Long Forgotten")

        rows = rows_of(consultant.get(reverse("admin:today_queue")))

        assert "Long Forgotten" in rows[0]
        assert "Late 3 d" in rows[0]
        assert "Later Today" in rows[-1]

    def test_leaves_out_what_is_over_or_was_cancelled(self, consultant, sarah):
        call(sarah, name="Done Already", state="done", outcome="rejected")
        call(
            sarah,
            name="Called Off",
            consultation__state=Booking.State.CANCELLED,
            consultation__cancel_reason="Asked to",
            consultation__cancelled_at=timezone.now(),
        )

        answer = consultant.get(reverse("admin:today_queue"))

        assert "No call is waiting." in answer.content.decode()

    def test_shows_of_others_calls_the_first_name_and_the_owner_alone(self, consultant, tom):
        call(tom, minutes=10, name="Zoe Papas", primary_concern="Sleeps badly")

        page = consultant.get(reverse("admin:today_queue")).content.decode()

        assert "Zoe" in page
        assert "Tom Baker" in page
        assert not [word for word in ("Papas", "+61", "Sleeps") if word in page]

    def test_says_whether_a_call_begins_or_goes_on(self, consultant, sarah):
        call(sarah, minutes=-60, in_progress=True)
        call(sarah, minutes=5)

        running, planned = rows_of(consultant.get(reverse("admin:today_queue")))

        assert "In call" in running
        assert "Resume" in running
        assert "Start call" in planned

    def test_is_not_sent_again_while_it_is_the_same(self, consultant, sarah):
        call(sarah, minutes=90)
        first = consultant.get(reverse("admin:today_queue"))

        same = consultant.get(reverse("admin:today_queue"), headers={"If-None-Match": first["ETag"]})
        call(sarah, minutes=95)
        other = consultant.get(reverse("admin:today_queue"), headers={"If-None-Match": first["ETag"]})

        assert (same.status_code, other.status_code) == (304, 200)

    def test_gives_no_names_to_those_who_make_no_calls(self, sarah):
        call(sarah, name="Leo Martin")
        browser = logged_in(somebody("management"))

        pages = [browser.get(reverse(f"admin:{name}")).content.decode() for name in ("index", "today_queue")]

        assert not [page for page in pages if "Leo" in page]

    def test_costs_the_same_number_of_queries_for_any_number_of_calls(self, consultant, sarah, tom):
        call(sarah)
        with CaptureQueriesContext(connection) as few:
            consultant.get(reverse("admin:today_queue"))
        for n in range(5):
            call((sarah, tom)[n % 2], minutes=n)

        with CaptureQueriesContext(connection) as many:
            consultant.get(reverse("admin:today_queue"))

        assert len(many) == len(few)


class TestPage:
    def test_counts_ones_own_calls(self, consultant, sarah, tom):
        call(sarah, state="done", outcome="rejected")
        call(sarah)
        call(tom)

        page = consultant.get(reverse("admin:index"))

        assert (page.context["calls"].part, page.context["calls"].whole) == (1, 2)

    def test_adds_up_what_was_collected_since_monday(self, operations):
        for days in (0, 8):
            Payment.objects.create(
                booking=BookingFactory(),
                amount=Decimal("119.50"),
                method="cash",
                status=Payment.Status.COLLECTED,
                collected_at=timezone.now() - timedelta(days=days),
            )

        page = operations.get(reverse("admin:index"))

        assert page.context["collected"] == "$119.50"

    def test_tells_of_a_vendor_that_does_not_answer(self, operations):
        SyncRecord.objects.create(booking=BookingFactory(), system="medirecords", attempts=1, problem="No answer.")

        page = operations.get(reverse("admin:index")).content.decode()

        assert re.search(r"MediRecords</strong>\s+did not take 1 booking yet. Bookings still work", page)

    def test_shows_a_clinician_the_visits_of_the_day(self, sarah):
        doctor_visit = BookingFactory(starts_at=timezone.now(), practitioner__user=somebody("clinician"))
        browser = logged_in(doctor_visit.practitioner.user)

        page = browser.get(reverse("admin:index")).content.decode()

        assert "Your visits today" in page
        assert doctor_visit.patient.name in page

    @pytest.mark.parametrize(("role", "number"), QUERIES.items())
    def test_costs_a_fixed_number_of_queries(self, role, number, sarah, tom):
        browser = logged_in(somebody(role))
        for n in range(4):
            call((sarah, tom)[n % 2], minutes=n)
            SyncRecord.objects.create(booking=BookingFactory(), system="medirecords", attempts=1)

        with CaptureQueriesContext(connection) as queries:
            browser.get(reverse("admin:index"))

        assert len(queries) == number


class TestSidebar:
    def test_shows_what_the_person_may_open_and_how_much_waits(self, consultant, sarah, tom):
        call(sarah)
        call(tom)

        groups = consultant.get(reverse("admin:index")).context["sidebar"]()

        assert {group["name"]: [link["name"] for link in group["links"]] for group in groups} == {
            "Work": ["Today", "My day", "Triage calls", "Red flags", "Calendar", "Bookings", "Patients"],
            "Reports": ["Patient journey", "Calls"],
            "Catalogue": ["Price book", "Publish check", "Appointment types", "Practitioners", "Diary"],
        }
        assert groups[0]["links"][2]["count"] == 1

    @pytest.mark.parametrize("role", ROLES)
    def test_leads_nowhere_that_is_closed(self, role):
        browser = logged_in(somebody(role))

        links = [link["url"] for group in browser.get("/admin/").context["sidebar"]() for link in group["links"]]

        assert {browser.get(link).status_code for link in links} == {200}

    def test_marks_where_one_is(self, operations):
        page = operations.get(reverse("admin:bookings_patient_changelist")).content.decode()

        assert re.findall(r'aria-current="page">.*?<span class="grow">(.*?)</span>', page, re.DOTALL) == ["Patients"]
