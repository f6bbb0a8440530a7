"""Patients, bookings and what the vendors were told, for people."""

from datetime import datetime
from decimal import Decimal

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
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
    badge,
    clinic_time,
    limited_to_own,
    shown_phone,
    verb,
)
from practitioners.models import Practitioner

from . import lifecycle, message_admin, words_admin  # noqa: F401  (some register themselves)
from .intake.form_admin import FormVerbs, shown_answers_of
from .models import Booking, Patient, Payment, ids_known_to
from .money import money_day_admin, payments, refund_admin, settlement  # noqa: F401  (two register themselves)
from .money.money_admin import MoneyVerbs
from .patients import consent_admin  # noqa: F401  (registers itself)
from .patients.patient_admin import STATE_TONES, as_stored
from .reconcile import drift_desk  # noqa: F401  (registers itself)
from .self_service.link_admin import LinkVerbs
from .vendors.sync_admin import shown_systems, shown_time_line, shown_worst
from .visit_admin import VisitVerbs
from .waiting.earlier_admin import EarlierVerbs

PAYMENT_TONES = {
    Payment.Status.PENDING: WAITING,
    Payment.Status.COLLECTED: OK,
    Payment.Status.NOT_NEEDED: PLAIN,
    Payment.Status.REFUND_DUE: BAD,
    Payment.Status.REFUNDED: PLAIN,
}


class MoveForm(forms.Form):
    """To which time a visit is moved, and to whom."""

    starts_at = forms.DateTimeField(
        label="New time",
        help_text="Clinic time.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 300}, format="%Y-%m-%dT%H:%M"),
    )
    practitioner = forms.ModelChoiceField(
        queryset=Practitioner.objects.none(), required=False, label="With", help_text="Whoever gives this appointment."
    )


class PaymentForm(forms.Form):
    """How a visit that was still to be paid has been paid."""

    method = forms.ChoiceField(
        label="Paid by",
        choices=[
            (method.value, method.label)
            for method in (Payment.Method.CREDIT_CARD_PHONE, Payment.Method.BANK_TRANSFER, Payment.Method.CASH)
        ],
    )
    amount = forms.DecimalField(label="Amount in dollars", max_digits=8, decimal_places=2, min_value=0)
    reference = forms.CharField(
        max_length=100, label="Reference", help_text="The receipt's or the transfer's number; never a card number."
    )


def is_payment_due(booking: Booking) -> bool:
    """Tell of a booking whether somebody still has to pay for it, also one that waits for its payment online."""
    payment = getattr(booking, "payment", None)
    is_pending = payment is not None and payment.status == Payment.Status.PENDING
    return is_pending and booking.state != Booking.State.CANCELLED


MADE_BY = {
    Booking.Source.PHONE: "A vendor's message",
    Booking.Source.ONLINE: "The patient, online",
    Booking.Source.IMPORT: "An import",
}
"""Who made a booking that nobody here made."""


class BookingForm(forms.ModelForm):
    """What staff note of a visit."""

    def clean_notes(self) -> str:
        payments.no_card_number(self.cleaned_data["notes"])
        return self.cleaned_data["notes"]


class BookingViews(ListViews):
    """What lies ahead comes first."""

    views = {
        "coming": ("Coming", lambda rows: rows.upcoming(timezone.now())),
        "attention": ("Needs a look", lambda rows: rows.exclude(attention="")),
        "waiting": ("Waiting for payment", lambda rows: rows.waiting_for_payment()),
        "unpaid": ("To be paid", lambda rows: rows.to_be_paid()),
        "past": ("Past", lambda rows: rows.filter(starts_at__lt=timezone.now())),
        "cancelled": ("Cancelled", lambda rows: rows.filter(state=Booking.State.CANCELLED)),
        "all": ("All", lambda rows: rows),
    }


@admin.register(Booking)
class BookingAdmin(VisitVerbs, EarlierVerbs, FormVerbs, LinkVerbs, MoneyVerbs, PortalAdmin):
    """Promises to patients; they come from calls and calendars, and change by verbs."""

    form = BookingForm
    list_display = ["short_number", "shown_patient", "when", "visit", "shown_state", "paid", "vendors"]
    list_filter = [BookingViews, "state", "source", "practitioner", "appointment_type"]
    list_select_related = ["patient", "practitioner", "appointment_type", "payment"]
    search_fields = ["number", "patient__name", "patient__phone", "patient__email"]
    search_help_text = "Number, name, phone or e-mail"
    verbs = [
        *["move", "ask_earlier", "complete", "mark_no_show", "send_payment_link", "take_link_back", "record_payment"],
        *["send_form", "ask_refund", "make_links_void", "correct", "cancel"],
    ]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("patient", "shown_state"),
                    ("when", "practitioner"),
                    ("appointment_type", "join_link"),
                    "attention",
                    "notes",
                    "answers",
                ]
            },
        ),
        (
            "Money",
            {"fields": [("shown_price", "price_reason"), ("paid", "payment_method"), "payment_reference", "money"]},
        ),
        (
            "Elsewhere",
            {"fields": ["told", ("made_by", "made_at"), ("source", "cancel_reason"), "correction", "patients_page"]},
        ),
        ("From the call", {"fields": ["hand_over_card"]}),
        ("What was said to whom", {"fields": ["time_line"]}),
    ]
    readonly_fields = [
        *[
            "patient",
            "shown_state",
            "when",
            "practitioner",
            "appointment_type",
            "join_link",
            "shown_price",
            "price_reason",
        ],
        *["paid", "payment_method", "payment_reference", "money"],
        *["told", "made_by", "made_at", "source", "cancel_reason"],
        "correction",
        "patients_page",
        "answers",
        "hand_over_card",
        "time_line",
    ]
    empty_text = "No visit lies ahead. Bookings are made at the call desk."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Booking]:
        bookings = super().get_queryset(request).prefetch_related("sync_records")
        if limited_to_own(request):
            return bookings.filter(patient__in=ids_known_to(request.user))
        return bookings

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Look for a number, else for whose it is: both at once would read every booking there is."""
        typed = as_stored(search_term.strip())
        numbered = queryset.filter(number__startswith=typed.upper())
        if typed and numbered.exists():
            return numbered, False
        for word in typed.split():
            is_whose = Q(name__icontains=word) | Q(phone__icontains=word) | Q(email__icontains=word)
            queryset = queryset.filter(patient__in=Patient.objects.filter(is_whose))
        return queryset, False

    def get_ordering(self, request: HttpRequest) -> list[str]:
        is_coming = request.GET.get(BookingViews.parameter_name, "coming") == "coming"
        return ["starts_at"] if is_coming else ["-starts_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Booking | None = None) -> bool:
        return False

    @admin.display(description="Visit", ordering="appointment_type__name")
    def visit(self, booking: Booking) -> SafeString:
        return format_html("{}<small>{}</small>", booking.appointment_type, booking.practitioner)

    @admin.display(description="Number", ordering="number")
    def short_number(self, booking: Booking) -> str:
        return booking.number

    @admin.display(description="Price")
    def shown_price(self, booking: Booking) -> str:
        return f"${booking.price}"

    @admin.display(description="Patient", ordering="patient__name")
    def shown_patient(self, booking: Booking) -> SafeString:
        return format_html("{}<small>{}</small>", booking.patient.name, shown_phone(booking.patient.phone))

    @admin.display(description="When", ordering="starts_at")
    def when(self, booking: Booking) -> str:
        return clinic_time(booking.starts_at)

    @admin.display(description="State", ordering="state")
    def shown_state(self, booking: Booking) -> SafeString:
        shown = badge(booking.get_state_display(), STATE_TONES[booking.state])
        return format_html("{} {}", shown, badge("Look", BAD)) if booking.attention else shown

    @admin.display(description="Paid", ordering="payment__status")
    def paid(self, booking: Booking) -> SafeString | str:
        payment = getattr(booking, "payment", None)
        if payment is None:
            return "–"
        shown = badge(payment.get_status_display(), PAYMENT_TONES[payment.status])
        is_part = 0 < payment.given_back < payment.amount
        return format_html("{}<small>${} given back</small>", shown, payment.given_back) if is_part else shown

    @admin.display(description="Method")
    def payment_method(self, booking: Booking) -> str:
        payment = getattr(booking, "payment", None)
        return "–" if payment is None or is_payment_due(booking) else payment.get_method_display()

    @admin.display(description="Reference")
    def payment_reference(self, booking: Booking) -> str:
        payment = getattr(booking, "payment", None)
        return payment.reference if payment and payment.reference else "–"

    @admin.display(description="Vendors")
    def vendors(self, booking: Booking) -> SafeString | str:
        return shown_worst(booking)

    @admin.display(description="Vendors")
    def told(self, booking: Booking) -> SafeString | str:
        return shown_systems(booking)

    @admin.display(description="Time line")
    def time_line(self, booking: Booking) -> SafeString | str:
        return shown_time_line(booking)

    @admin.display(description="Form answers")
    def answers(self, booking: Booking) -> SafeString | str:
        return shown_answers_of(booking)

    @admin.display(description="Made by")
    def made_by(self, booking: Booking) -> str:
        return str(booking.created_by or MADE_BY[booking.source])

    @admin.display(description="Made", ordering="created_at")
    def made_at(self, booking: Booking) -> str:
        return clinic_time(booking.created_at)

    @verb(
        "Move",
        explanation="The price stays. The vendors are told, and the patient gets an e-mail.",
        form=MoveForm,
        when=lambda booking: booking.state == Booking.State.CONFIRMED,
    )
    def move(
        self, request: HttpRequest, booking: Booking, *, starts_at: datetime, practitioner: Practitioner | None = None
    ) -> str:
        moved = lifecycle.move(
            booking_id=booking.pk,
            starts_at=starts_at,
            practitioner=practitioner,
            by=request.user,
            now=timezone.now(),
        )
        where = f"{clinic_time(starts_at)} with {moved.practitioner}"
        return f"{booking} is moved to {where}. The patient is told by e-mail."

    def verb_form(self, request: HttpRequest, booking: Booking, name: str) -> forms.Form:
        """Offer those who give the appointment; a call goes to another consultant at the desk."""
        form = super().verb_form(request, booking, name)
        if name == "record_payment":
            form.initial = {"amount": booking.payment.amount}
        if name == "move":
            form.initial = {"starts_at": booking.starts_at}
            if booking.appointment_type.is_free_consultation:
                del form.fields["practitioner"]
            else:
                others = Practitioner.objects.active().exclude(pk=booking.practitioner_id)
                others = others.filter(appointment_types=booking.appointment_type)
                form.fields["practitioner"].queryset = others
                if not others:
                    form.fields["practitioner"].help_text = "Nobody else gives this appointment."
                form.fields["practitioner"].empty_label = f"{booking.practitioner}, as now"
        return form

    @verb(
        "Record payment",
        explanation="What was still to be paid has come. A visit that waits for its payment becomes sure by it.",
        form=PaymentForm,
        when=is_payment_due,
    )
    def record_payment(
        self, request: HttpRequest, booking: Booking, *, method: str, amount: Decimal, reference: str
    ) -> str:
        paid = settlement.collect(
            booking_id=booking.pk,
            method=method,
            amount=amount,
            reference=reference,
            by=request.user,
            now=timezone.now(),
        )
        sure = "" if booking.is_promised else " It is sure now, and the patient gets the confirmation."
        return f"{booking} is paid: ${paid.amount}.{sure}"
