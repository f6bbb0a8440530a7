"""The drift desk: what it shows, and its doors."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, Drift, Reconciliation, SyncRecord
from bookings.reconcile import drift, drift_sides
from bookings.reconcile.finding import fingerprint
from tests.admin.conftest import logged_in, somebody
from tests.factories import BookingFactory, PatientFactory, next_morning

pytestmark = pytest.mark.django_db

DESK = "/admin/bookings/drift/"


def differ(booking=None, *, system="medirecords", field="time", kind="differs", run=None, **fields):
    """A difference as a comparison would have found it."""
    booking = booking or BookingFactory()
    record, _ = SyncRecord.objects.get_or_create(
        booking=booking, system=system, defaults={"told": 1, "external_id": f"{system}-{booking.pk}"}
    )
    booking = Booking.objects.get(pk=booking.pk)
    theirs = booking.starts_at + timedelta(hours=2)
    evidence = {"external_id": record.external_id, "stands": True, "starts_at": theirs.isoformat(), "minutes": 15}
    return Drift.objects.create(
        **{
            "booking": booking,
            "system": system,
            "field": field,
            "kind": kind,
            "external_id": record.external_id,
            "ours": "Tue 24 Nov 10:00",
            "theirs": "Tue 24 Nov 12:00",
            "visit_at": booking.starts_at,
            "seen_at": timezone.now(),
            "found_by": run,
            "evidence": evidence | {"seen": fingerprint(booking, record)},
            **fields,
        }
    )


def unknown(**fields):
    """Something at a vendor that nobody here knows."""
    evidence = {"external_id": "x", "stands": True, "starts_at": next_morning(9).isoformat()}
    return Drift.objects.create(
        **{
            "system": "medirecords",
            "kind": "unknown",
            "external_id": "x",
            "ours": "Nobody here knows it",
            "theirs": "Tue 24 Nov 09:00, 15 minutes, Dr Dia",
            "visit_at": next_morning(9),
            "seen_at": timezone.now(),
            "evidence": evidence,
            **fields,
        }
    )


def run_of(**fields):
    now = timezone.now()
    return Reconciliation.objects.create(
        **{"starts_from": now, "starts_until": now, "started_at": now, "ended_at": now, "compared": 3, **fields}
    )


def verb_of(row, name):
    return reverse("admin:bookings_drift_verb", args=(row.pk, name))


def told(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def page(client, address=DESK):
    return client.get(address).content.decode()


class TestDesk:
    def test_shows_each_side_of_a_visit(self, operations):
        booking = BookingFactory(patient=PatientFactory(name="Ava Nguyen"))
        SyncRecord.objects.create(booking=booking, system="calendly", told=1)
        differ(booking)

        html = page(operations)

        assert "Ava Nguyen" in html
        assert html.index("<dt>Portal</dt>") < html.index("<dt>Calendly</dt>") < html.index("<dt>MediRecords</dt>")
        assert '<span class="badge ok">Same</span>' in html
        assert '<span class="badge bad">Tue 24 Nov 12:00</span>' in html

    def test_puts_the_soonest_visit_first(self, operations):
        later, sooner = BookingFactory(starts_at=next_morning(9, days=9)), BookingFactory()
        differ(later)
        differ(sooner)

        html = page(operations)

        assert html.index(sooner.number) < html.index(later.number)

    def test_says_what_cannot_be_settled_so(self, operations):
        differ(field="type")
        unknown()

        html = page(operations)

        assert "Price and length depend on the type" in html
        assert "It does not carry the portal&#x27;s mark" in html
        assert html.count(">MediRecords wins<") == 0

    def test_costs_the_same_number_of_queries_for_any_number_of_rows(self, operations):
        costs = []
        for count in (2, 6):
            for _ in range(count):
                booking = BookingFactory()
                differ(booking)
                differ(booking, system="calendly", field="practitioner")
            with CaptureQueriesContext(connection) as queries:
                page(operations)
            costs.append(len(queries))

        assert costs[0] == costs[1]

    @pytest.mark.parametrize("role", ["consultant", "management", "clinician"])
    @pytest.mark.parametrize("door", ["", "status/", "compare/"])
    def test_is_for_operations_alone(self, role, door):
        assert logged_in(somebody(role)).get(DESK + door).status_code == 403

    def test_lists_what_was_settled(self, operations):
        differ(settled_at=timezone.now(), outcome="Agrees again.")

        assert "Agrees again." in page(operations, f"{DESK}?view=settled")

    def test_shows_one_difference_by_itself(self, operations):
        row = differ()

        html = page(operations, reverse("admin:bookings_drift_change", args=[row.pk]))

        assert "Tue 24 Nov 12:00" in html


class TestStatus:
    def test_says_that_nothing_was_compared(self, operations):
        assert "Never compared yet." in page(operations, f"{DESK}status/")

    def test_tells_of_the_last_comparison_and_what_it_missed(self, operations):
        run_of(found=2, problem="Outlook could not be read.")

        html = page(operations, f"{DESK}status/")

        assert "3 visits" in html
        assert "2 new differences" in html
        assert "Outlook could not be read." in html

    def test_tells_of_one_that_waits(self, operations):
        drift.ask(by=None, now=timezone.now())

        assert "data-running" in page(operations, f"{DESK}status/")

    def test_tells_of_one_that_was_cut_off(self, operations):
        run_of(ended_at=None)

        html = page(operations, f"{DESK}status/")

        assert "Cut off" in html
        assert "data-running" not in html

    def test_forgets_a_cut_after_another_comparison(self, operations):
        run_of(ended_at=None)
        run_of()

        assert "Cut off" not in page(operations, f"{DESK}status/")


class TestCompare:
    def test_begins_on_post_alone(self, operations):
        operations.get(f"{DESK}compare/")
        before = Reconciliation.objects.count()

        answer = operations.post(f"{DESK}compare/")

        assert (before, Reconciliation.objects.count()) == (0, 1)
        assert told(answer) == ["The comparison begins within seconds. What it finds appears here."]

    def test_begins_once(self, operations):
        operations.post(f"{DESK}compare/")

        answer = operations.post(f"{DESK}compare/")

        assert told(answer)[-1] == "A comparison is under way already. Wait for its end."
        assert Reconciliation.objects.count() == 1


class TestVerbs:
    def test_say_before_what_they_will_do(self, operations):
        row = differ()

        html = page(operations, verb_of(row, "vendor_wins"))
        row.refresh_from_db()

        assert '<h2 id="verb-title">MediRecords wins</h2>' in html
        assert "The booking moves to Tue 24 Nov 12:00" in html
        assert row.settled_at is None

    def test_let_the_portal_win(self, operations):
        row = differ()

        answer = operations.post(verb_of(row, "portal_wins"))
        row.refresh_from_db()

        assert answer.url == DESK
        assert row.settled_by is not None
        assert SyncRecord.objects.open().count() == 1

    def test_let_the_vendor_win(self, operations):
        row = differ()

        operations.post(verb_of(row, "vendor_wins"))

        assert Booking.objects.get().starts_at == next_morning(12)

    def test_leave_it_for_a_reason(self, operations):
        row = differ()

        operations.post(verb_of(row, "leave"), {"reason": ""})
        refused = Drift.objects.unsettled().count()
        operations.post(verb_of(row, "leave"), {"reason": "As agreed."})
        row.refresh_from_db()

        assert refused == 1
        assert row.outcome == "Left as it is: As agreed."

    @pytest.mark.parametrize("name", ["portal_wins", "vendor_wins"])
    def test_say_so_when_somebody_was_quicker(self, operations, name):
        row = differ(settled_at=timezone.now(), outcome="Agrees again.")

        answer = operations.post(verb_of(row, name))

        assert told(answer)[-1].endswith("is no longer possible here.")

    def test_say_why_it_cannot_be_done(self, operations):
        row = differ(field="patient")

        answer = operations.get(verb_of(row, "vendor_wins"))

        assert answer.status_code == 422
        assert "Whose visit it is never changes by itself." in answer.content.decode()

    def test_are_kept_from_those_who_may_only_look(self):
        row = differ()

        answers = [logged_in(somebody("management")).post(verb_of(row, name)) for name in ("portal_wins", "leave")]

        assert {answer.status_code for answer in answers} <= {302, 403}
        assert Drift.objects.unsettled().count() == 1

    def test_try_again_what_got_stuck(self, operations):
        row = unknown(
            wanted=1,
            needs_person=True,
            problem="It no longer carries the portal's mark.",
            evidence={"mark": "m", "stands": True, "starts_at": next_morning(9).isoformat(), "external_id": "x"},
        )

        html = page(operations)
        operations.post(verb_of(row, "portal_wins"))
        row.refresh_from_db()

        assert "It no longer carries the portal&#x27;s mark." in html
        assert (row.wanted, row.needs_person) == (2, False)


class TestTogether:
    def test_shows_first_what_it_would_do(self, operations):
        rows = [differ(), unknown()]

        answer = operations.post(f"{DESK}together/", {"drift": [row.pk for row in rows]})
        html = answer.content.decode()

        assert "MediRecords is brought back to what the portal says" in html
        assert "does not carry the portal&#x27;s mark" in html
        assert "Portal wins in 1" in html
        assert Drift.objects.unsettled().count() == 2

    def test_does_it_when_that_is_confirmed(self, operations):
        first, second = differ(), differ()

        answer = operations.post(f"{DESK}together/", {"drift": [first.pk, second.pk], "confirmed": "1"})

        assert told(answer) == ["The portal wins in 2. The vendors are told within seconds."]
        assert not Drift.objects.unsettled().exists()

    def test_tells_what_was_refused(self, operations):
        first, second = differ(), differ()
        SyncRecord.objects.filter(booking=second.booking).update(wanted=9)

        answer = operations.post(f"{DESK}together/", {"drift": [first.pk, second.pk], "confirmed": "1"})

        assert len(told(answer)) == 2
        assert Drift.objects.unsettled().get() == second

    @pytest.mark.parametrize(
        "sent", [[], ["x"], ["-1"], ["9" * 400], ["1e3", "\0"], [str(n) for n in range(50)]], ids=range(6)
    )
    def test_takes_no_more_than_the_brake_and_no_nonsense(self, operations, sent):
        answer = operations.post(f"{DESK}together/", {"drift": sent, "confirmed": "1"})

        assert told(answer) == ["Select between 1 and 20 differences."]

    def test_is_no_page_to_look_at(self, operations):
        assert operations.get(f"{DESK}together/").status_code == 404

    def test_is_kept_from_others(self):
        row = differ()

        answer = logged_in(somebody("consultant")).post(f"{DESK}together/", {"drift": [row.pk], "confirmed": "1"})

        assert answer.status_code == 403


class TestRelease:
    def test_is_shown_and_done_for_a_reason(self, operations):
        run = run_of(found=21, is_braked=True)
        row = differ(run=run)

        html = page(operations)
        refused = operations.post(verb_of(row, "portal_wins"))
        operations.post(f"{DESK}release/{run.pk}/", {"reason": "The practice moved."})
        run.refresh_from_db()

        assert "The brake is on." in html
        assert '<span class="badge waiting">Braked</span>' in html
        assert ">Portal wins<" not in html
        assert told(refused)[-1].startswith("The brake is on")
        assert run.released_by is not None

    @pytest.mark.parametrize("run", [0, 99999999])
    def test_knows_no_other_runs(self, operations, run):
        assert operations.post(f"{DESK}release/{run}/", {"reason": "x"}).status_code == 404


class TestAway:
    @pytest.mark.parametrize(
        ("minutes", "words"),
        [(0, "in 0 min"), (59, "in 59 min"), (180, "in 3 h"), (60 * 24 * 3, "in 3 days"), (-90, "1 h ago")],
    )
    def test_says_how_long_it_is(self, minutes, words):
        now = timezone.now()

        assert drift_sides.away(now + timedelta(minutes=minutes), now=now) == words
