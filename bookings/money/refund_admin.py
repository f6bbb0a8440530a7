"""What is given back, for the people who decide it."""

from decimal import Decimal

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal.admin import (
    BAD,
    OK,
    PLAIN,
    WAITING,
    ListViews,
    PortalAdmin,
    WrittenByVerbs,
    badge,
    clinic_time,
    verb,
)
from botaniqal.integrations import owed

from ..models import Booking, RefundDecision, RefundRule
from . import refunds

Status = RefundDecision.Status

TONES = {
    Status.WAITING: BAD,
    Status.SENDING: WAITING,
    Status.GIVEN_BACK: OK,
    Status.KEPT: PLAIN,
    Status.FAILED: PLAIN,
}
BY_STRIPE = "Leave it empty: Stripe gives it back. Fill it in only if you have given it back yourself."
BY_HAND = "It did not come through Stripe. Give it back first, then type the slip's or the transfer's number."


def named(booking: Booking) -> SafeString:
    """Name a booking in a list by its number and patient."""
    return format_html("{}<small>{}</small>", booking, booking.patient.name)


def link_to(booking: Booking) -> SafeString:
    """Lead to a booking's page."""
    address = reverse("admin:bookings_booking_change", args=[booking.pk])
    return format_html('<a href="{}">{}</a> {}', address, booking, booking.patient.name)


class DecideForm(forms.Form):
    """How much is given back."""

    amount = forms.DecimalField(label="Give back, in dollars", max_digits=8, decimal_places=2, min_value=0)
    reason = forms.CharField(
        max_length=200, required=False, label="Reason", help_text="Needed where it is not what is suggested."
    )
    reference = forms.CharField(max_length=100, required=False, label="Slip or transfer")


class RefundViews(ListViews):
    """What waits for somebody comes first."""

    views = {
        "waiting": ("To decide", lambda rows: rows.to_decide()),
        "sending": ("On its way", lambda rows: rows.filter(status=Status.SENDING)),
        "all": ("All", lambda rows: rows),
    }


@admin.register(RefundDecision)
class RefundDecisionAdmin(WrittenByVerbs):
    """Decisions on money; they come with a cancellation or a payment too many, and end by a verb."""

    list_display = ["whose", "shown_suggestion", "cause", "policy", "shown_state", "made"]
    list_filter = [RefundViews, "cause", "status"]
    list_select_related = ["payment__booking__patient", "checkout"]
    search_fields = ["payment__booking__number"]
    search_help_text = "Confirmation number"
    fields = [
        ("shown_booking", "shown_state"),
        ("shown_suggestion", "cause"),
        "policy",
        ("shown_amount", "reason"),
        ("shown_slip", "problem"),
        ("made", "decided"),
    ]
    verbs = ["decide", "try_again", "decide_again"]
    empty_text = "No refund waits to be decided. One comes with every paid visit that is called off."

    def may_use_verbs(self, request: HttpRequest) -> bool:
        return request.user.has_perm("bookings.decide_refund")

    def name_of(self, decision: RefundDecision) -> str:
        return f"Refund for {decision.payment.booking}"

    def verb_form(self, request: HttpRequest, decision: RefundDecision, name: str) -> forms.Form:
        form = super().verb_form(request, decision, name)
        if name == "decide":
            form.initial = {"amount": decision.suggested}
            form.fields["amount"].max_value = decision.paid
            form.fields["amount"].help_text = f"At most ${decision.paid}. {decision.policy}"
            form.fields["reference"].help_text = BY_STRIPE if decision.checkout else BY_HAND
        return form

    @admin.display(description="Booking", ordering="payment__booking__number")
    def whose(self, decision: RefundDecision) -> SafeString:
        return named(decision.payment.booking)

    @admin.display(description="Booking")
    def shown_booking(self, decision: RefundDecision) -> SafeString:
        return link_to(decision.payment.booking)

    @admin.display(description="Suggested", ordering="suggested")
    def shown_suggestion(self, decision: RefundDecision) -> str:
        return f"${decision.suggested} of ${decision.paid}"

    @admin.display(description="Decided")
    def shown_amount(self, decision: RefundDecision) -> str:
        return "–" if decision.amount is None else f"${decision.amount}"

    @admin.display(description="State", ordering="status")
    def shown_state(self, decision: RefundDecision) -> SafeString:
        if decision.status == Status.SENDING and decision.needs_person:
            return badge("Stripe refused", BAD)
        return badge(decision.get_status_display(), TONES[decision.status])

    @admin.display(description="How")
    def shown_slip(self, decision: RefundDecision) -> str:
        if decision.reference:
            return f"By hand, {decision.reference}"
        return f"Through Stripe, {decision.external_id}" if decision.external_id else "–"

    @admin.display(description="Since", ordering="created_at")
    def made(self, decision: RefundDecision) -> str:
        return clinic_time(decision.created_at)

    @admin.display(description="Decided by")
    def decided(self, decision: RefundDecision) -> str:
        if decision.decided_at is None:
            return "–"
        return f"{decision.decided_by or 'Somebody at Stripe'}, {clinic_time(decision.decided_at)}"

    @verb(
        "Decide",
        explanation="The patient is told by e-mail once it is given back. Nothing is given back by itself.",
        form=DecideForm,
        when=lambda decision: decision.status == Status.WAITING,
    )
    def decide(
        self, request: HttpRequest, decision: RefundDecision, *, amount: Decimal, reason: str, reference: str
    ) -> str:
        done = refunds.decide(
            decision_id=decision.pk,
            amount=amount,
            reason=reason,
            reference=reference,
            by=request.user,
            now=timezone.now(),
        )
        booking = done.payment.booking
        if done.status == Status.KEPT:
            return f"Nothing is given back for {booking}."
        how = "is noted as given back" if done.status == Status.GIVEN_BACK else "is on its way back through Stripe"
        return f"${done.amount} for {booking} {how}."

    @verb(
        "Try again",
        explanation="Stripe is asked once more to give it back.",
        when=lambda decision: decision.status == Status.SENDING and decision.needs_person,
    )
    def try_again(self, request: HttpRequest, decision: RefundDecision) -> str:
        owed.retry(decision, now=timezone.now())
        return "Stripe is asked once more."

    @verb(
        "Decide again",
        explanation="Stripe refused it. It is given up, and waits to be decided anew.",
        when=lambda decision: decision.status == Status.SENDING and decision.needs_person,
    )
    def decide_again(self, request: HttpRequest, decision: RefundDecision) -> str:
        refunds.decide_again(decision_id=decision.pk, by=request.user, now=timezone.now())
        return "It waits to be decided anew, in the list of refunds."


@admin.register(RefundRule)
class RefundRuleAdmin(PortalAdmin):
    """How much is suggested to be given back to a patient who cancels."""

    list_display = ["shown_hours", "shown_percent"]
    fields = ["hours", "percent"]
    empty_text = "Without a rule nothing is suggested to be given back when a patient cancels."

    @admin.display(description="Cancelled at least", ordering="hours")
    def shown_hours(self, rule: RefundRule) -> str:
        return f"{rule.hours} hours before"

    @admin.display(description="Given back", ordering="percent")
    def shown_percent(self, rule: RefundRule) -> str:
        return f"{rule.percent} %"
