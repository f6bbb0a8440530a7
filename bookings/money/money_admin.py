"""Payments online and disputes, for people; and the verbs of a booking's money."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import (
    BAD,
    INFO,
    OK,
    PLAIN,
    WAITING,
    ListViews,
    WrittenByVerbs,
    badge,
    clinic_time,
    verb,
)
from botaniqal.cards import validate_none
from botaniqal.celery import ring
from botaniqal.integrations import owed

from ..models import Booking, Checkout, Dispute, Payment, RefundDecision
from . import checkouts, refunds
from .refund_admin import TONES as REFUND_TONES
from .refund_admin import link_to, named

Status = Checkout.Status

CHECKOUT_TONES = {
    Status.NEW: WAITING,
    Status.OPEN: INFO,
    Status.PAID: OK,
    Status.EXPIRED: PLAIN,
    Status.VOID: PLAIN,
}
DISPUTE_TONES = {Dispute.Outcome.OPEN: BAD, Dispute.Outcome.WON: OK, Dispute.Outcome.LOST: PLAIN}


class WordsForm(forms.Form):
    """What somebody found out or did."""

    words = forms.CharField(max_length=200, label="In a few words", validators=[validate_none])


def payment_of(booking: Booking) -> Payment | None:
    """Find what was or has to be paid for a booking."""
    return getattr(booking, "payment", None)


def may_get_link(booking: Booking) -> bool:
    """Tell of a booking whether a payment link can be sent for it."""
    payment = payment_of(booking)
    is_due = payment is not None and payment.status == Payment.Status.PENDING
    return is_due and booking.is_promised and booking.state != Booking.State.CANCELLED


def has_open_link(booking: Booking) -> bool:
    """Tell of a booking whether somebody can pay for it online."""
    return booking.is_promised and booking.checkouts.filter(status__in=checkouts.STANDING).exists()


def has_money(booking: Booking) -> bool:
    """Tell of a booking whether money of it is left and nobody decides on it yet."""
    payment = payment_of(booking)
    is_left = payment is not None and payment.collected_at and payment.given_back < payment.amount
    waiting = RefundDecision.objects.filter(payment__booking=booking, status=RefundDecision.Status.WAITING)
    return bool(is_left) and not waiting.exists()


def shown_money(booking: Booking) -> SafeString | str:
    """Show the ways to pay for a booking, and what of it was or has to be given back."""
    lines = [
        (
            clinic_time(row.created_at),
            f"${row.amount}",
            badge(row.get_status_display(), BAD if row.needs_person else CHECKOUT_TONES[Status(row.status)]),
            _line(booking, row, f"{row.get_door_display()}: {checkouts.in_words(row)}"),
        )
        for row in booking.checkouts.order_by("created_at")
    ] + [
        (
            clinic_time(row.created_at),
            f"${row.suggested if row.amount is None else row.amount}",
            badge(row.get_status_display(), REFUND_TONES[RefundDecision.Status(row.status)]),
            _line(booking, row, f"Refund of ${row.paid} at most. {row.get_cause_display()}."),
        )
        for row in RefundDecision.objects.filter(payment__booking=booking).order_by("created_at")
    ]
    shown = format_html_join("", "<li><time>{}</time><span>{}</span><span>{}</span><span>{}</span></li>", lines)
    return format_html('<ol class="time-line">{}</ol>', shown) if lines else "–"


class MoneyVerbs:
    """The verbs of a booking's money; part of the bookings' admin."""

    @verb(
        "Send payment link",
        explanation="The patient gets a new link by e-mail; one that was sent before stops working.",
        when=may_get_link,
    )
    def send_payment_link(self, request: HttpRequest, booking: Booking) -> str:
        checkout = checkouts.send_link(booking_id=booking.pk, by=request.user, now=timezone.now())
        return f"A payment link over ${checkout.amount} goes to {booking.patient.email}."

    @verb(
        "Take the link back",
        explanation="Nobody can pay by it any more. What is due stays due.",
        when=has_open_link,
    )
    def take_link_back(self, request: HttpRequest, booking: Booking) -> str:
        checkouts.withdraw(booking_id=booking.pk, by=request.user, now=timezone.now())
        return f"The payment link of {booking} works no longer."

    @verb(
        "Give money back",
        explanation="A refund is put on the list, where it is decided how much. The visit stays as it is.",
        when=has_money,
    )
    def ask_refund(self, request: HttpRequest, booking: Booking) -> str:
        refunds.ask(booking_id=booking.pk, by=request.user, now=timezone.now())
        return f"A refund for {booking} waits to be decided, in the list of refunds."

    def get_object(self, request: HttpRequest, *args, **kwargs) -> Booking | None:
        """Note whether whoever looks may open what stands under the money."""
        booking = super().get_object(request, *args, **kwargs)
        if booking:
            booking.leads_to_money = request.user.has_perm("bookings.view_refunddecision")
        return booking

    @admin.display(description="Online and given back")
    def money(self, booking: Booking) -> SafeString | str:
        """Show the ways to pay and the refunds of a booking."""
        return shown_money(booking)


class CheckoutViews(ListViews):
    """What needs somebody comes first."""

    views = {
        "help": ("Needs help", lambda rows: rows.for_a_person()),
        "open": ("Open", lambda rows: rows.filter(status__in=checkouts.STANDING)),
        "paid": ("Paid", lambda rows: rows.filter(status=Status.PAID)),
        "all": ("All", lambda rows: rows),
    }


@admin.register(Checkout)
class CheckoutAdmin(WrittenByVerbs):
    """Ways to pay at Stripe."""

    list_display = ["whose", "shown_amount", "door", "shown_state", "shown_problem", "made"]
    list_filter = [CheckoutViews, "door", "status"]
    list_select_related = ["booking__patient"]
    search_fields = ["booking__number", "external_id", "payment_intent"]
    search_help_text = "Confirmation number, or Stripe's session or payment"
    fields = [
        ("shown_booking", "shown_state"),
        ("shown_amount", "door"),
        "shown_problem",
        ("made", "opened", "ends"),
        ("paid", "checked"),
        ("external_id", "payment_intent"),
    ]
    verbs = ["ask_again", "set_aside"]
    empty_text = "Nothing needs help. Payments are listed under “All”."

    @admin.display(description="Booking", ordering="booking__number")
    def whose(self, checkout: Checkout) -> SafeString:
        return named(checkout.booking)

    @admin.display(description="Booking")
    def shown_booking(self, checkout: Checkout) -> SafeString:
        return link_to(checkout.booking)

    @admin.display(description="Amount", ordering="amount")
    def shown_amount(self, checkout: Checkout) -> str:
        return f"${checkout.amount}"

    @admin.display(description="State", ordering="status")
    def shown_state(self, checkout: Checkout) -> SafeString:
        if checkout.needs_person:
            return badge("Needs help", BAD)
        return badge(checkout.get_status_display(), CHECKOUT_TONES[Status(checkout.status)])

    @admin.display(description="What is the matter")
    def shown_problem(self, checkout: Checkout) -> str:
        return checkout.problem or "–"

    @admin.display(description="Asked for", ordering="created_at")
    def made(self, checkout: Checkout) -> str:
        return f"{clinic_time(checkout.created_at)}, {checkout.created_by or 'the patient'}"

    @admin.display(description="Opened")
    def opened(self, checkout: Checkout) -> str:
        return clinic_time(checkout.opened_at)

    @admin.display(description="Ends")
    def ends(self, checkout: Checkout) -> str:
        return clinic_time(checkout.expires_at)

    @admin.display(description="Paid")
    def paid(self, checkout: Checkout) -> str:
        return clinic_time(checkout.paid_at)

    @admin.display(description="Last looked at")
    def checked(self, checkout: Checkout) -> str:
        return clinic_time(checkout.checked_at)

    @verb(
        "Ask Stripe again",
        explanation="A worker asks how the payment stands, and does what follows.",
        when=lambda checkout: checkout.told < checkout.wanted,
    )
    def ask_again(self, request: HttpRequest, checkout: Checkout) -> str:
        owed.retry(checkout, now=timezone.now())
        ring("tell_stripe")
        return "Stripe is asked. Look again in a moment."

    @verb(
        "Set aside",
        explanation="You have looked after it at Stripe. Nothing more is done here, and the visit stays as it is.",
        form=WordsForm,
        when=lambda checkout: checkout.needs_person,
    )
    def set_aside(self, request: HttpRequest, checkout: Checkout, *, words: str) -> str:
        checkouts.set_aside(checkout_id=checkout.pk, reason=words, by=request.user, now=timezone.now())
        return f"The payment of {checkout.booking} is set aside."


class DisputeViews(ListViews):
    """What is open comes first."""

    views = {
        "open": ("Open", lambda rows: rows.filter(outcome=Dispute.Outcome.OPEN)),
        "all": ("All", lambda rows: rows),
    }


@admin.register(Dispute)
class DisputeAdmin(WrittenByVerbs):
    """Payments that a bank asks back; they are answered at Stripe."""

    list_display = ["whose", "shown_amount", "shown_reason", "shown_outcome", "until", "opened"]
    list_filter = [DisputeViews]
    list_select_related = ["checkout__booking__patient"]
    search_fields = ["checkout__booking__number", "external_id"]
    search_help_text = "Confirmation number, or Stripe's dispute"
    fields = [
        ("shown_booking", "shown_outcome"),
        ("shown_amount", "shown_reason"),
        ("opened", "until", "closed"),
        ("external_id", "payment_intent"),
    ]
    empty_text = "No dispute is open. They are answered at Stripe; this list shows until when."

    @admin.display(description="Booking", ordering="checkout__booking__number")
    def whose(self, dispute: Dispute) -> SafeString | str:
        return named(dispute.checkout.booking) if dispute.checkout else "Not the portal’s"

    @admin.display(description="Booking")
    def shown_booking(self, dispute: Dispute) -> SafeString | str:
        return link_to(dispute.checkout.booking) if dispute.checkout else "Not the portal’s"

    @admin.display(description="Amount", ordering="amount")
    def shown_amount(self, dispute: Dispute) -> str:
        return f"${dispute.amount}"

    @admin.display(description="The bank says")
    def shown_reason(self, dispute: Dispute) -> str:
        return dispute.reason.replace("_", " ").capitalize() or "–"

    @admin.display(description="State", ordering="outcome")
    def shown_outcome(self, dispute: Dispute) -> SafeString:
        return badge(dispute.get_outcome_display(), DISPUTE_TONES[Dispute.Outcome(dispute.outcome)])

    @admin.display(description="Answer by", ordering="answer_by")
    def until(self, dispute: Dispute) -> str:
        return clinic_time(dispute.answer_by)

    @admin.display(description="Opened", ordering="opened_at")
    def opened(self, dispute: Dispute) -> str:
        return clinic_time(dispute.opened_at)

    @admin.display(description="Closed")
    def closed(self, dispute: Dispute) -> str:
        return clinic_time(dispute.closed_at)


def _line(booking: Booking, row: Checkout | RefundDecision, words: str) -> SafeString | str:
    if not getattr(booking, "leads_to_money", False):
        return words
    address = reverse(f"admin:bookings_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, words)
