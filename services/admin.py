"""The catalogue for people: services sorted by hand, their appointment types, and dated prices."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, INFO, OK, PLAIN, WAITING, InlineForm, PortalAdmin, PortalInline, ShownInline, badge

from .models import AppointmentType, PractitionerType, Price, Service

STATUS_TONES = {
    Service.Status.ACTIVE: OK,
    Service.Status.COMING_SOON: INFO,
    Service.Status.PAUSED: WAITING,
    Service.Status.RETIRED: PLAIN,
}


def active_badge(kind: AppointmentType) -> SafeString:
    """Show whether an appointment type can be booked at all."""
    return badge("Active", OK) if kind.is_active else badge("Off", PLAIN)


class ShownAppointmentTypes(ShownInline):
    """A service's appointment types, each a link to its own page."""

    model = AppointmentType
    fields = ["name", "kind", "mode", "minutes", "shown_active"]
    readonly_fields = ["shown_active"]
    show_change_link = True

    @admin.display(description="Offered")
    def shown_active(self, kind: AppointmentType) -> str:
        return active_badge(kind)


@admin.register(Service)
class ServiceAdmin(PortalAdmin):
    """Lines of care, in the order in which the website shows them."""

    list_display = ["name", "position", "shown_status", "launches_on", "waitlist", "slug"]
    list_editable = ["position"]
    list_filter = ["status"]
    search_fields = ["name", "slug"]
    search_help_text = "Name"
    inlines = [ShownAppointmentTypes]
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "confirmation_message"]}),
        ("On the website", {"fields": ["status", "launches_on", "has_waitlist", "position", "colour"]}),
    ]
    prepopulated_fields = {"slug": ["name"]}
    empty_text = "No service yet. Add one, or load the catalogue with manage.py load_catalogue."

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name == "colour":
            kwargs["widget"] = forms.TextInput(attrs={"type": "color"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Service | None = None) -> dict:
        # A slug that stands in addresses must not follow the name.
        return {} if obj else self.prepopulated_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        return ["slug"] if obj else []

    @admin.display(description="Waitlist", ordering="has_waitlist")
    def waitlist(self, service: Service) -> str:
        return "Yes" if service.has_waitlist else "–"

    @admin.display(description="Status", ordering="status")
    def shown_status(self, service: Service) -> str:
        return badge(service.get_status_display(), STATUS_TONES[service.status])


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
    fields = ["starts_on", "amount", "created_by"]
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
    fields = ["starts_on", "amount"]
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


@admin.register(AppointmentType)
class AppointmentTypeAdmin(PortalAdmin):
    """What can be booked, and what it costs."""

    form = AppointmentTypeForm
    list_display = ["name", "service", "kind", "mode", "minutes", "price_today", "shown_active", "position"]
    list_editable = ["position"]
    list_filter = ["service", "kind", "mode", "is_active"]
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
        ("MediRecords", {"fields": ["medirecords_type", "billing_code"]}),
    ]
    empty_text = "No appointment type yet. Add one to a service, with its price."

    def get_queryset(self, request: HttpRequest) -> QuerySet[AppointmentType]:
        today = Price.objects.as_of(timezone.localdate()).filter(appointment_type=OuterRef("pk"))
        return super().get_queryset(request).annotate(amount_today=Subquery(today.values("amount")))

    def get_readonly_fields(self, request: HttpRequest, obj: AppointmentType | None = None) -> list[str]:
        return ["code"] if obj else []

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

    @admin.display(description="Offered", ordering="is_active")
    def shown_active(self, kind: AppointmentType) -> str:
        return active_badge(kind)
