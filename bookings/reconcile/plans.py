"""What settling a difference would do, said before anybody agrees to it; or why it cannot be done."""

from dataclasses import dataclass

from django.db.models import TextChoices

from practitioners.models import CalendlyEventType, Practitioner

from ..models import Drift, SyncRecord
from . import comparing

Kind, Field, System = Drift.Kind, Drift.Field, SyncRecord.System


class Winner(TextChoices):
    """Who is right."""

    PORTAL = "portal", "The portal"
    VENDOR = "vendor", "The vendor"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What settling a difference one way would do, or why it cannot be done."""

    sentence: str
    is_possible: bool = True


def preview(drift: Drift, winner: Winner) -> Plan:
    """Say what would be done, for a person to agree to."""
    if sentence := objection(drift, winner):
        return Plan(sentence=sentence, is_possible=False)
    return _plan_for_portal(drift) if winner == Winner.PORTAL else _plan_for_vendor(drift)


def objection(drift: Drift, winner: Winner) -> str:
    """Say why a difference of this kind is never settled that way; empty where it may be."""
    vendor = drift.get_system_display()
    if winner == Winner.PORTAL:
        if drift.kind == Kind.UNKNOWN and not drift.evidence.get("mark"):
            return f"It does not carry the portal's mark, so the portal does not touch it. Cancel it in {vendor}."
        if drift.system == System.CALENDLY and drift.kind == Kind.DIFFERS and drift.field in (Field.LENGTH, Field.TYPE):
            return "Length and type of an event follow from its event type in Calendly. Change that there."
        return ""
    if drift.kind == Kind.UNKNOWN and (drift.system != System.CALENDLY or drift.evidence.get("mark")):
        return f"{vendor} does not say whose visit it is. Book it at the call desk, or leave it as it is."
    if drift.kind == Kind.STANDS_THERE:
        return "A cancelled booking stays cancelled. Book the visit anew, or let the portal win."
    if drift.kind == Kind.DIFFERS and drift.field == Field.TYPE:
        return "Price and length depend on the type, so it is not taken over. Let the portal win, or book anew."
    if drift.kind == Kind.DIFFERS and drift.field == Field.PATIENT:
        return f"Whose visit it is never changes by itself. Correct it in {vendor}, or let the portal win."
    return ""


def practitioner_in(drift: Drift) -> Practitioner | None:
    """Find whom a vendor names."""
    key = drift.evidence.get("practitioner", "")
    return None if key in ("", comparing.STRANGER) else Practitioner.objects.filter(pk=key).first()


def calendly_told_the_patient(drift: Drift) -> bool:
    """Tell whether the patient knows already: Calendly writes to them of each cancellation."""
    return drift.system == System.CALENDLY and drift.kind == Kind.CANCELLED_THERE


def _plan_for_portal(drift: Drift) -> Plan:
    vendor = drift.get_system_display()
    if drift.kind == Kind.UNKNOWN:
        return Plan(sentence=f"It is cancelled in {vendor}: it carries the portal's mark, but belongs to no booking.")
    if _is_shared(drift):
        sentence = "Several people share this event type, and Calendly chooses among them. Change the host there."
        return Plan(sentence=sentence, is_possible=False)
    if drift.kind == Kind.STANDS_THERE:
        return Plan(sentence=f"It is cancelled in {vendor} as well.")
    if drift.system == System.CALENDLY:
        what = f"Calendly gets a new event for {drift.booking.when}, and tells the patient so itself."
    elif drift.kind == Kind.DIFFERS:
        what = f"{vendor} is brought back to what the portal says: {drift.ours}."
    else:
        what = f"The visit is entered in {vendor} again, for {drift.booking.when}."
    return Plan(sentence=what + _with_it(drift))


def _plan_for_vendor(drift: Drift) -> Plan:
    if drift.kind == Kind.UNKNOWN:
        return Plan(sentence="It is fetched from Calendly and booked here, as if Calendly had told of it.")
    if drift.kind in (Kind.MISSING, Kind.CANCELLED_THERE):
        return Plan(sentence=f"The booking is cancelled here. {_who_is_told(drift)}")
    if drift.field == Field.TIME:
        return Plan(
            sentence=f"The booking moves to {drift.theirs}, even where that clashes in the diary. The patient gets an "
            "e-mail, and everybody else is told."
        )
    return _plan_for_length(drift) if drift.field == Field.LENGTH else _plan_for_practitioner(drift)


def _plan_for_length(drift: Drift) -> Plan:
    if not drift.evidence.get("minutes"):
        sentence = f"{drift.get_system_display()} does not say how long it lasts."
        return Plan(sentence=sentence, is_possible=False)
    has_calendly = drift.booking.practitioner.calendar_provider == Practitioner.CalendarProvider.CALENDLY
    if has_calendly and drift.system != System.CALENDLY:
        sentence = "In Calendly an event lasts as long as its event type says, so the calendar could not follow."
        return Plan(sentence=f"{sentence} Let the portal win, or book another type.", is_possible=False)
    return Plan(sentence=f"The booking lasts {drift.theirs} from now on. Its price stays, and so does its type.")


def _plan_for_practitioner(drift: Drift) -> Plan:
    booking, to = drift.booking, practitioner_in(drift)
    if to is None or not to.is_active:
        return Plan(sentence="The portal does not know who that is, or they left.", is_possible=False)
    if booking.appointment_type.is_free_consultation:
        sentence = "A call goes to another consultant by being taken over at the call desk."
        return Plan(sentence=sentence, is_possible=False)
    if not to.appointment_types.filter(pk=booking.appointment_type_id).exists():
        return Plan(sentence=f"{to} does not give {booking.appointment_type}. Let the portal win.", is_possible=False)
    return Plan(
        sentence=f"{to} sees the patient instead of {booking.practitioner}, even where that clashes in the diary. The "
        "patient gets an e-mail, and everybody else is told."
    )


def _is_shared(drift: Drift) -> bool:
    """Tell whether Calendly chooses who sees the patient."""
    if drift.system != System.CALENDLY or drift.kind != Kind.DIFFERS or drift.field != Field.PRACTITIONER:
        return False
    place = drift.evidence.get("place", "")
    return CalendlyEventType.objects.filter(calendly_id=place, practitioner=None).exists()


def _with_it(drift: Drift) -> str:
    others = Drift.objects.unsettled().filter(booking=drift.booking_id, system=drift.system).exclude(pk=drift.pk)
    names = [other.get_field_display().lower() for other in others]
    return f" What else differs there is told as well: {', '.join(names)}." if names else ""


def _who_is_told(drift: Drift) -> str:
    if calendly_told_the_patient(drift):
        return "Calendly has told the patient; everybody else is told now."
    return "The patient gets an e-mail, and everybody else is told."
