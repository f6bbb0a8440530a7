"""The free consultation as visitors plan it themselves: when somebody is free, one call a form, and its receipt."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.core import signing
from django.db import transaction

from bookings.models import Consent, ConsentWording
from bookings.patients import consents
from botaniqal import locks, signed
from botaniqal.errors import RuleBroken
from practitioners import public_times
from practitioners.availability import Offer
from practitioners.public_times import Week

from . import rebooking, sessions
from .models import TriageSession

forms = signing.TimestampSigner(salt="the form of a free consultation")
decoys = signing.TimestampSigner(salt="what a robot is told of a free consultation")


class FormTooOld(RuleBroken):
    """The form was not made here, or too long ago to know what became of it."""

    code = "form_too_old"

    def __init__(self) -> None:
        super().__init__("form", "This page was open for too long. Look at it once more, and send it again.")


class WordingChanged(RuleBroken):
    """The clinic asks something else by now than what was agreed to."""

    code = "old_wording"

    def __init__(self) -> None:
        super().__init__("wording", "What we ask you to agree to has changed. Please read it again.")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a visitor is told of the call that they planned."""

    starts_at: datetime
    zone: ZoneInfo
    consultant: str
    minutes: int


def week_of(*, zone: ZoneInfo, first_day: date | None, now: datetime) -> Week:
    """
    Find when some consultant is free in a week of a zone's days, or in the first week after it in which one is.

    :raises RuleBroken: free consultations are not offered.
    """
    kind = sessions.free_consultation()
    offers = [Offer(person, kind) for person in rebooking.consultants(kind, now)]
    return public_times.week(offers=offers, zone=zone, first_day=first_day, now=now)


def new_key() -> str:
    """Make the key of a form, by which its call is known however often it is sent."""
    return signed.new_key(forms)


def is_known(key: str) -> bool:
    """True for the key of a form that was made here, and not too long ago."""
    return signed.key_of(key, signer=forms) is not None


@transaction.atomic
def plan(
    *,
    key: str,
    starts_at: datetime,
    name: str,
    email: str,
    phone: str,
    concern: str,
    zone: ZoneInfo,
    wording: str,
    now: datetime,
) -> TriageSession:
    """
    Plan the call that a form asks for, once however often it is sent; ``wording`` is what its sender agreed to.

    :raises FormTooOld: the form was not made here, or too long ago.
    :raises NoConsultantFree: nobody is free at that time any more.
    :raises RuleBroken: that time has passed, or free consultations are not offered.
    :raises WordingChanged: what they agreed to is not what is asked by now.
    """
    session_id = signed.key_of(key, signer=forms)
    if session_id is None:
        raise FormTooOld
    locks.wait_for(f"consultation {session_id}")  # the same form, sent at the same moment, waits here
    planned = TriageSession.objects.filter(pk=session_id).first()
    if planned:
        return planned
    agreed = privacy_wording()
    if agreed and str(agreed.pk) != wording:
        raise WordingChanged
    session = sessions.book_consultation(
        session_id=session_id,
        name=name,
        email=email,
        phone=phone,
        preferred_times=[starts_at],
        concern=concern,
        zone=zone.key,
        by=None,
        now=now,
    )
    if agreed:
        consents.record(
            patient_id=session.patient_id,
            wording_id=agreed.pk,
            is_given=True,
            how=Consent.How.WEBSITE,
            session_id=session.pk,
            by=None,
            now=now,
        )
    return session


def privacy_wording() -> ConsentWording | None:
    """Find what visitors are asked to agree to; None while the clinic has written nothing."""
    return ConsentWording.objects.filter(kind=ConsentWording.Kind.PRIVACY, is_current=True).first()


def receipt_for(session: TriageSession, *, now: datetime) -> str:
    """Write the token by which whoever planned a call reads when it will be."""
    return rebooking.link_to(session, now=now).rpartition("/")[2]


def who_might_ring(starts_at: datetime, *, now: datetime) -> str:
    """Name who would ring at a time if somebody did, for what a robot is told; nobody where there is no consultant."""
    people = rebooking.consultants(sessions.free_consultation(), now)
    return next((person.name for person in sessions.by_load(people, starts_at)), "")


def decoy_for(starts_at: datetime, zone: ZoneInfo, *, now: datetime) -> str:
    """Write a token that reads like a call's, for a robot: it is to believe that it was heard."""
    kind, who = sessions.free_consultation(), who_might_ring(starts_at, now=now)
    return decoys.sign_object({"at": starts_at.isoformat(), "zone": zone.key, "who": who, "minutes": kind.minutes})


def receipt_of(token: str, *, now: datetime) -> Receipt:
    """
    Read when a call will be.

    :raises Missing: nobody here wrote that token.
    :raises LinkOver: it is old, or the call is going on, over or cancelled.
    """
    try:
        said = decoys.unsign_object(token)
        return Receipt(datetime.fromisoformat(said["at"]), ZoneInfo(said["zone"]), said["who"], said["minutes"])
    except signing.BadSignature:
        session = rebooking.call_of(token, now=now)
    minutes = session.consultation.appointment_type.minutes
    return Receipt(session.due_on, session.patient.zone, session.consultant.name, minutes)
