"""How visits end, for people: called off, taken place, missed, corrected; and the card that was handed over."""

from collections.abc import Callable

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import OK, PLAIN, WAITING, badge, clinic_time, limited_to_own, verb

from . import lifecycle, reasons
from .models import Booking, CancelReason

ENDS = ("complete", "mark_no_show", "correct")
"""The verbs that say how a visit ended."""


def may_become(state: Booking.State) -> Callable[[Booking], bool]:
    """Tell of a booking whether the table of moves lets it come to a state."""
    return lambda booking: state in lifecycle.ALLOWED[booking.state]


def may_end_as(state: Booking.State) -> Callable[[Booking], bool]:
    """As ``may_become``, for visits that have begun; a consultation is ended by its call."""
    return lambda booking: (
        may_become(state)(booking)
        and booking.starts_at <= timezone.now()
        and not booking.appointment_type.is_free_consultation
    )


class CancelForm(forms.Form):
    """Why a visit is called off."""

    cause = forms.ModelChoiceField(queryset=reasons.offered(), label="Reason", empty_label="Choose…")
    reason = forms.CharField(
        max_length=150,
        required=False,
        label="In a few words",
        help_text="Kept with the booking; the patient does not see it.",
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not reasons.offered().exists():  # operations offer none: the words have to say it
            del self.fields["cause"]
            self.fields["reason"].required = True

    def clean(self) -> dict:
        """Ask for the words that the chosen reason needs."""
        said = super().clean()
        cause = said.get("cause")
        if cause and cause.asks_for_detail and not said.get("reason"):
            self.add_error("reason", f"“{cause}” says too little by itself. Add a few words.")
        return said


class CorrectForm(forms.Form):
    """How a visit ended in truth."""

    state = forms.ChoiceField(
        label="In truth it",
        choices=[
            (Booking.State.COMPLETED, "took place"),
            (Booking.State.NO_SHOW, "was a no-show"),
            (Booking.State.CANCELLED, "was cancelled"),
            (Booking.State.CONFIRMED, "is still to come"),
        ],
    )
    reason = forms.CharField(max_length=200, label="Reason", help_text="Kept with the booking.")


class VisitVerbs:
    """The verbs by which a visit ends; part of the bookings' admin."""

    def may_use(self, request: HttpRequest, booking: Booking, name: str) -> bool:
        """Let operations say how visits ended, and practitioners of their own."""
        if name not in ENDS:
            return super().may_use(request, booking, name)
        is_own = booking.practitioner.user_id == request.user.pk
        return request.user.has_perm("bookings.end_visit") and (is_own or not limited_to_own(request))

    @verb(
        "Cancel booking",
        explanation="The time becomes free, the vendors are told, and the patient gets an e-mail.",
        form=CancelForm,
        when=may_become(Booking.State.CANCELLED),
        is_dangerous=True,
    )
    def cancel(self, request: HttpRequest, booking: Booking, *, reason: str, cause: CancelReason | None = None) -> str:
        lifecycle.cancel(booking_id=booking.pk, cause=cause, reason=reason, by=request.user, now=timezone.now())
        return f"{booking} is cancelled. The patient is told by e-mail."

    @verb("Took place", when=may_end_as(Booking.State.COMPLETED))
    def complete(self, request: HttpRequest, booking: Booking) -> str:
        lifecycle.complete(booking_id=booking.pk, by=request.user, now=timezone.now())
        return f"{booking} is completed."

    @verb("No-show", explanation="The patient did not come.", when=may_end_as(Booking.State.NO_SHOW))
    def mark_no_show(self, request: HttpRequest, booking: Booking) -> str:
        lifecycle.mark_no_show(booking_id=booking.pk, by=request.user, now=timezone.now())
        return f"{booking} is marked as no-show."

    @verb(
        "Correct",
        explanation="It was noted that this visit ended otherwise than it did. The vendors are told.",
        form=CorrectForm,
        when=lambda booking: (
            booking.state in lifecycle.CORRECTABLE and not booking.appointment_type.is_free_consultation
        ),
    )
    def correct(self, request: HttpRequest, booking: Booking, *, state: str, reason: str) -> str:
        lifecycle.correct(booking_id=booking.pk, state=state, reason=reason, by=request.user, now=timezone.now())
        return f"{booking} is corrected."

    @admin.display(description="Hand-over card")
    def hand_over_card(self, booking: Booking) -> SafeString | str:
        """Show what the call handed over, and whether it was read."""
        card = getattr(booking, "hand_over", None)  # the call's, by its name: triage lies above
        if card is None:
            return "–"
        if booking.state == Booking.State.CANCELLED:
            mark = badge("Of no use any more", PLAIN)
        else:
            mark = badge(f"Read {clinic_time(card.read_at)}", OK) if card.is_read else badge("Unread", WAITING)
        lines = [*card.lines, ["Remark", card.remark]] if card.remark else card.lines
        rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", lines)
        return format_html("<p>{}</p><dl>{}</dl>", mark, rows)
