"""Appointment types for people, with their dated prices; services stand in ``service_admin``."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, InlineForm, PortalAdmin, PortalInline, ShownInline, badge
from botaniqal.bell_admin import RingsCatalogueCheck
from botaniqal.wording import gate

from . import catalogue_words, form_admin, interest_admin  # noqa: F401  (they register themselves)
from .models import AppointmentType, PractitionerType, Price
from .service_admin import offer_badge, shown_standing


class PriceForm(InlineForm):
    """A price that is still to come."""

    def clean_starts_on(self):
        day = self.cleaned_data["starts_on"]
        if day < timezone.localdate():
            raise ValidationError("The past cannot be priced anew. Choose today or a later day.")
        return day


class PricesOfDays(forms.BaseInlineFormSet):
    """Prices of which each has a day of its own."""

    def get_unique_error_message(self, unique_check: tuple[str, ...]) -> str:
        return "Two prices begin on the same day. Keep one of them."


class PricesSoFar(ShownInline):
    """What it cost and costs: history, only to be read."""

    model = Price
    verbose_name_plural = "prices so far"
    fields = ["starts_on", "amount", "reason", "created_by"]
    readonly_fields = ["created_by"]
    ordering = ["-starts_on"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        return super().get_queryset(request).filter(starts_on__lte=timezone.localdate()).select_related("created_by")


class PricesToCome(PortalInline):
    """What it will cost: entered today, valid from its day on."""

    model = Price
    form = PriceForm
    formset = PricesOfDays
    verbose_name_plural = "prices from today on"
    fields = ["starts_on", "amount", "reason"]
    ordering = ["starts_on"]
    extra = 1

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        return super().get_queryset(request).filter(starts_on__gt=timezone.localdate())


class AppointmentTypeForm(forms.ModelForm):
    """Who may give it is chosen by ticks."""

    practitioner_types = forms.MultipleChoiceField(
        choices=PractitionerType.choices,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox-grid"}),
        label="Given by",
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and (name := self.fields.get("name")):
            texts = catalogue_words.texts_of(self.instance.service, [self.instance])
            [standing] = gate.states(texts[-1:])
            name.help_text = format_html("{} Approved on the service's page.", shown_standing(standing))


@admin.register(AppointmentType)
class AppointmentTypeAdmin(RingsCatalogueCheck, PortalAdmin):
    """What can be booked, and what it costs."""

    form = AppointmentTypeForm
    list_display = ["name", "service", "kind", "mode", "minutes", "price_today", "shown_offer", "position"]
    list_editable = ["position"]
    list_filter = ["verdict", "service", "kind", "mode", "is_active"]
    list_select_related = ["service"]
    search_fields = ["name", "code"]
    search_help_text = "Name or code"
    inlines = [PricesToCome, PricesSoFar]
    fieldsets = [
        (
            None,
            {"fields": ["service", "name", "code", ("kind", "mode"), "practitioner_types", "is_active", "position"]},
        ),
        ("Time", {"fields": ["minutes", ("buffer_before_minutes", "buffer_after_minutes"), "step_minutes"]}),
        ("Booking", {"fields": ["min_notice_minutes", "horizon_days", "is_payment_required", "is_bookable_online"]}),
        ("MediRecords", {"fields": ["medirecords_type", "billing_code", "reporting_category"]}),
    ]
    empty_text = "No appointment type yet. Add one to a service, with its price."

    def get_queryset(self, request: HttpRequest) -> QuerySet[AppointmentType]:
        today = Price.objects.as_of(timezone.localdate()).filter(appointment_type=OuterRef("pk"))
        return super().get_queryset(request).annotate(amount_today=Subquery(today.values("amount")))

    def get_readonly_fields(self, request: HttpRequest, obj: AppointmentType | None = None) -> list[str]:
        return ["code", "shown_offer"] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: AppointmentType | None = None) -> list:
        return [("Publish check", {"fields": ["shown_offer"]}), *self.fieldsets] if obj else self.fieldsets

    def save_formset(self, request: HttpRequest, form: forms.ModelForm, formset, change: bool) -> None:
        """Note who set a price."""
        for row in formset.save(commit=False):
            row.created_by = request.user
            row.save()
        for row in formset.deleted_objects:
            row.delete()

    @admin.display(description="Price today", ordering="amount_today")
    def price_today(self, kind: AppointmentType) -> str:
        return badge("No price", BAD) if kind.amount_today is None else f"${kind.amount_today}"

    @admin.display(description="Offered", ordering="verdict")
    def shown_offer(self, kind: AppointmentType) -> SafeString:
        return offer_badge(kind)
