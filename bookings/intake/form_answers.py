"""
What people answered in forms at JotForm: fetched there, kept as it stands, and linked to the booking that it is about.

A submission is linked by itself only where it names the booking and the person agrees; all others wait for somebody.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, Missing
from botaniqal.integrations import jotform
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.jotform import Submission
from botaniqal.integrations.models import InboundEvent

from ..models import Booking, FormAnswers
from ..money import payments

JOTFORM = FormAnswers.Source.JOTFORM
LOOK_BACK = timedelta(days=2)
BOOKING_FIELDS = {"booking", "bookingnumber", "bookingreference"}
"""What the question is called, in small letters, in which a form carries the booking that it was sent for."""

log = logging.getLogger(__name__)


def fetch(event: InboundEvent) -> str:
    """
    Fetch the submission that JotForm told of, and keep its answers; called outside any transaction.

    :raises VendorUnavailable: to be tried again.
    :raises VendorRefused: JotForm does not give it.
    """
    submission = jotform.client().submission(event.payload["submissionID"])
    return keep(submission=submission, now=timezone.now())


def fetch_missed(*, now: datetime) -> int:
    """Keep what was sent in lately, whether JotForm told of it or not, and count the submissions."""
    if not settings.JOTFORM_API_KEY:
        return 0
    count, client = 0, jotform.client()
    for form_id in settings.JOTFORM_FORM_IDS:
        try:
            for submission in client.form_submissions(form_id, since=now - LOOK_BACK):
                keep(submission=submission, now=now)
                count += 1
        except (VendorRefused, VendorUnavailable) as error:
            log.warning("the submissions of a form could not be listed: %s", error)
    return count


@transaction.atomic
def keep(*, submission: Submission, now: datetime) -> str:
    """Write down a submission as it stands now, and say what came of it; what was linked stays linked."""
    if submission.form_id not in settings.JOTFORM_FORM_IDS:
        return "Ignored: this form is not one of those that are fetched."
    if submission.status != "ACTIVE":
        return "Deleted in JotForm. What was fetched before stays here."
    row, is_new = FormAnswers.objects.select_for_update().get_or_create(
        source=JOTFORM,
        external_id=submission.id,
        defaults={
            "form_id": submission.form_id,
            "answers": _answers(submission),
            "submitted_at": submission.created_at,
            "fetched_at": now,
            "booking": _booking_of(submission),
        },
    )
    if not is_new:
        row.answers, row.fetched_at = _answers(submission), now
        row.booking = row.booking or _booking_of(submission)
        row.save(update_fields=["answers", "fetched_at", "booking"])
    return f"Answers kept with {row.booking}." if row.booking else "Answers kept. Somebody has to say whose they are."


@transaction.atomic
def link(*, answers_id: UUID, number: str, by: User, now: datetime) -> FormAnswers:
    """
    Say which booking answers belong to.

    :raises Missing: there are no such answers.
    :raises Malformed: there is no booking of that number.
    """
    row = FormAnswers.objects.select_for_update().filter(pk=answers_id).first()
    if row is None:
        raise Missing("These answers are not there any more.")
    row.booking = Booking.objects.filter(number__iexact=number.strip()).first()
    if row.booking is None:
        raise Malformed("There is no booking of that number.", details={"number": ["Write it as BOT-2026-0012."]})
    row.save(update_fields=["booking"])
    return row


def _answers(submission: Submission) -> list[dict[str, str]]:
    return [
        {"name": each.name, "question": each.question, "answer": payments.without_card_numbers(each.answer)}
        for each in submission.answers
        if each.answer
    ]


def _booking_of(submission: Submission) -> Booking | None:
    """Find the booking that the answers name, if its patient's name or e-mail stands in them as well."""
    said = {_folded(each.answer) for each in submission.answers}
    for each in submission.answers:
        if each.name.lower() not in BOOKING_FIELDS:
            continue
        booking = Booking.objects.filter(_named(each.answer)).select_related("patient").first()
        if booking and said & ({_folded(booking.patient.name), _folded(booking.patient.email)} - {""}):
            return booking
    return None


def _named(text: str) -> Q:
    by_number = Q(number__iexact=text.strip())
    try:
        return by_number | Q(pk=UUID(text.strip()))
    except ValueError:
        return by_number


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
