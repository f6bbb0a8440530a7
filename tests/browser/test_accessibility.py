"""The accessibility of the pages in the states that people meet."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from bookings.models import Booking, DetailProposal, FormAnswers, SyncRecord
from bookings.patients import merging
from botaniqal.integrations.models import InboundEvent, Incident, Subscription
from practitioners import availability, diary
from practitioners.models import OutsideCalendar, Practitioner
from tests.factories import (
    AppointmentTypeFactory,
    BookingFactory,
    PatientFactory,
    PractitionerFactory,
    ServiceFactory,
    SessionFactory,
    UserFactory,
    next_morning,
)
from triage import rebooking, script_file, scripts
from triage.models import Question, RedFlag, TriageSession

from .desk import Desk
from .looks import Looks, faults

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = Path(settings.BASE_DIR) / "triage" / "script.json"
ROLES = ["consultant", "operations", "clinician"]


@pytest.fixture
def looks(axe) -> Looks:
    return Looks(axe)


@pytest.fixture
def script(transactional_db):
    """The script that comes with the portal, in use."""
    approver = UserFactory(roles=["clinician"], first_name="Kim", is_staff=True)
    PractitionerFactory(type="nurse", name="Nurse Kim", user=approver)
    for slug in ("alternative-medicine", "gaps", "weight-loss"):
        ServiceFactory(slug=slug)
    draft = script_file.load(document=json.loads(SCRIPT.read_text()))
    return scripts.approve(script_id=draft.pk, accepts_warnings=True, by=approver, now=timezone.now())


class TestDesk:
    """The call desk, light and dark, wide and on a phone."""

    def test_has_no_faults(self, looks, desk):
        AppointmentTypeFactory(price="none", service__name="Weight loss")
        desk.hold_soonest()
        desk['[value="card"]'].check()
        desk["#reference"].fill("T-1029")

        looks.at(desk.page, "held")

        assert looks.wrong == []

    def test_has_no_faults_where_two_texts_meet(self, axe, desk):
        desk.page.context.set_offline(True)
        desk["#notes"].fill("Mine")
        TriageSession.objects.update(notes="Theirs", version=2)
        desk.page.context.set_offline(False)
        expect(desk['[data-conflict="notes"]']).to_be_visible()

        assert faults(axe, desk.page) == []

    def test_has_no_faults_in_anothers_call(self, axe, open_as, tom, session):
        toms = Desk(open_as(tom.user), session)

        assert faults(axe, toms.page) == []


class TestOperations:
    """The pages on which people mend what vendors, calendars and forms left undone."""

    @pytest.fixture
    def pages(self, doctor):
        """Something of each kind that a person has to look at, and where it is looked at."""
        now, why = timezone.now(), "MediRecords GET /v1/patients/{id}: 500. It is tried again by itself."
        booking = BookingFactory(practitioner=doctor)
        calendar = OutsideCalendar.objects.get_or_create(
            practitioner=doctor, provider="calendly", defaults={"account": "x"}
        )[0]
        answers = [{"name": "concern", "question": "What helps?", "answer": "Sleep"}]
        rows = [
            SyncRecord.objects.create(booking=booking, system="medirecords", needs_person=True, problem=why),
            InboundEvent.objects.create(vendor="calendly", key="1", kind="created", payload={}, needs_person=True),
            FormAnswers.objects.create(form_id="1", external_id="2", answers=answers, submitted_at=now, fetched_at=now),
            Subscription.objects.create(vendor="graph", resource="dia@example.com", needs_person=True, problem=why),
            Incident.objects.create(key="drift-brake", summary="21 new differences."),
            calendar,
            booking,
            doctor,
        ]
        return [reverse("admin:index"), *seen(*rows)]

    def test_have_no_faults(self, looks, open_as, pages):
        page = open_as(UserFactory(is_staff=True, first_name="Olive", roles=["operations"]))

        for address in pages:
            page.goto(address)
            looks.at(page, address)

        assert looks.wrong == []


class TestCall:
    """The desk through a whole call, with each dialog open."""

    @pytest.fixture
    def desk(self, script, open_as, sarah, session, kind) -> Desk:
        Practitioner.objects.filter(pk=sarah.pk).update(may_override=True)
        PractitionerFactory(name="Dr Shivani", gives=[kind])
        PatientFactory(name="Leo Martin", phone=session.patient.phone)
        DetailProposal.objects.create(
            patient=session.patient, field="email", theirs="leo@example.net", source="call", proposed_at=timezone.now()
        )
        return Desk(open_as(sarah.user), session)

    def test_has_no_faults_up_to_the_booking(self, looks, desk):
        def look_at_dialog(opener: str, dialog: str):
            desk[opener].first.click()
            expect(desk[dialog]).to_be_visible()
            looks.at(desk.page, opener)
            desk.press("Escape")
            expect(desk[dialog]).to_be_hidden()

        looks.at(desk.page, "before the call")
        for opener in ("#no-answer", "#call-back"):
            look_at_dialog(opener, "#later")
        desk["#start"].click()
        expect(desk["#timer"]).to_be_visible()
        desk[".desk-question:visible:not(.flags) input[type=radio]"].first.check()
        desk[".desk-question:visible textarea"].first.fill("For years.")
        expect(desk["#saved"]).to_contain_text("Saved ")
        looks.at(desk.page, "script answered")
        for opener in ("#change-details", "#read-out", "#candidates button"):
            look_at_dialog(opener, "#asking")
        look_at_dialog("#raise", "#raising")
        look_at_dialog("#end", "#ending")
        desk.look_for_times()
        looks.at(desk.page, "times")
        look_at_dialog("#grid .desk-other", "#why-not")
        for name in ("Dr Dia", "Dr Shivani"):
            desk[f'.desk-slot[aria-label*="{name}"][aria-pressed="false"]'].first.click()
            expect(desk["#summary"]).to_contain_text(name)
            expect(desk["#held"]).to_be_visible()
        expect(desk["#held-times .chip"]).to_have_count(2)
        looks.at(desk.page, "two holds")
        desk['[value="later"]'].check()
        desk["#confirm"].click()
        expect(desk["#undo"]).to_be_visible()
        looks.at(desk.page, "booked")
        look_at_dialog("#undo", "#undo-dialog")

        assert looks.wrong == []

    def test_has_no_faults_in_what_ends_it_otherwise(self, looks, desk):
        desk["#start"].click()
        desk['.desk-question.flags input[value="yes"]'].first.check()
        expect(desk["#stop"]).to_be_visible()
        looks.at(desk.page, "red flag")
        desk["#escalate"].click()
        expect(desk["#stop-standing"]).to_contain_text("Brought to Nurse Kim")
        looks.at(desk.page, "red flag brought to a clinician")
        desk["#stop-end"].click()
        desk['#ending [value="referred"]'].check()
        desk["#ending .desk-finer:visible input"].first.check()
        desk["#ending-go"].click()
        desk.page.wait_for_url("**/letter/")
        looks.at(desk.page, "letter")

        assert looks.wrong == []


class TestPages:
    """The pages around a call: what waits, calendars, scripts, patients, and what is open to everybody."""

    @pytest.fixture
    def booking(self, doctor, kind, session) -> Booking:
        """A visit in the diary, of a patient with merges, proposals and consents."""
        starts_at = next_morning(10, days=2)
        entry = diary.take(practitioner=doctor, span=availability.occupied_span(kind, starts_at), by=None)
        made = BookingFactory(practitioner=doctor, appointment_type=kind, starts_at=starts_at, entry=entry)
        other = PatientFactory(name="Leonard Martin", email="leonard@example.com", phone="+61491570157")
        merging.merge(kept_id=made.patient_id, given_up_id=other.pk, reason="Same person", by=None, now=timezone.now())
        return made

    def test_have_no_faults(self, looks, open_as, script, session, booking, doctor):
        now, who = timezone.now(), {"is_staff": True, "roles": ROLES}
        doctor.user = UserFactory(first_name="Dia", **who)
        doctor.save()
        TriageSession.objects.update(script=script, started_at=now, state="in_progress")
        flag = RedFlag.objects.create(
            session=session, question=Question.objects.exclude(flag="").first(), words="Chest pain", raised_at=now
        )
        draft = scripts.make_draft(of=script, by=doctor.user)
        day = f"date={booking.starts_at:%Y-%m-%d}"
        proposal = DetailProposal.objects.first()
        page = open_as(doctor.user)

        for address in [
            reverse("admin:index"),
            *(f"{reverse('admin:calendar')}?{day}{how}" for how in ("", "&view=week", "&by=room")),
            reverse("admin:calendar_booking", args=[booking.pk]),
            reverse("admin:calendar_move", args=[booking.pk]),
            reverse("admin:practitioners_practitioner_view", args=[doctor.pk]),
            f"{reverse('admin:my_day')}?{day}",
            reverse("admin:search") + "?q=martin",
            *seen(flag, draft, proposal, booking, session),
            reverse("admin:triage_script_preview", args=[draft.pk]),
            reverse("admin:bookings_patient_change", args=[booking.patient_id]),
        ]:
            page.goto(address)
            looks.at(page, address)

        assert looks.wrong == []

    def test_have_no_faults_for_whoever_is_not_logged_in(self, looks, open_as, sarah):
        kind = AppointmentTypeFactory(free=True, practitioner_types=["consultant"])
        sarah.appointment_types.add(kind)
        call = SessionFactory(
            consultant=sarah,
            consultation__appointment_type=kind,
            consultation__starts_at=next_morning(8, days=-1),
        )
        link = rebooking.link_to(call, now=timezone.now()).removeprefix(settings.PUBLIC_BASE_URL)
        page = open_as(sarah.user)
        page.context.clear_cookies()
        # The browser would note a 404 as an error of the page.
        page.route(re.compile("nowhere|no-such-token"), lambda route: route.fulfill(response=route.fetch(), status=200))

        for address in (link, "/call/no-such-token", reverse("admin:login"), "/nowhere"):
            page.goto(address)
            looks.at(page, address.split("/")[1])

        assert looks.wrong == []


def seen(*rows: Model) -> list[str]:
    """Give the addresses of rows in the admin and of their lists."""
    names = [(row, f"admin:{row._meta.app_label}_{row._meta.model_name}") for row in rows]
    return [
        *(reverse(f"{name}_changelist") for _, name in names),
        *(reverse(f"{name}_change", args=[row.pk]) for row, name in names),
    ]
