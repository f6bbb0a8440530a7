"""The price book as a page: what everything costs on a day, and new prices, looked at before they are set."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST, require_safe

from botaniqal.admin import clinic_time
from botaniqal.errors import DomainError

from . import price_book
from .models import AppointmentType, Price, Service
from .price_book import Change, Line
from .prices import clinic_day

TYPED, PERCENT, AMOUNT = "typed", "percent", "amount"
HOW = [
    (TYPED, "to prices that I type"),
    (PERCENT, "ticked ones by per cent"),
    (AMOUNT, "ticked ones by dollars"),
]
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
STEPS = [("1.00", "whole dollars"), ("0.05", "5 cents"), ("0.01", "cents"), ("5.00", "5 dollars")]


def amount_field(**options: Any) -> forms.DecimalField:
    """Make a field that takes what the price book can keep."""
    return forms.DecimalField(
        min_value=0,
        max_digits=8,
        decimal_places=2,
        localize=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        **options,
    )


class Wanted(forms.Form):
    """From when on, and why."""

    starts_on = forms.DateField(label="From", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    reason = forms.CharField(max_length=Price._meta.get_field("reason").max_length, label="Why")


class NewPrices(Wanted):
    """Which prices change, and how."""

    how = forms.ChoiceField(choices=HOW, label="Change")
    by = forms.DecimalField(
        required=False,
        min_value=-100_000,
        max_value=100_000,
        max_digits=8,
        decimal_places=2,
        label="By",
        help_text="Per cent or dollars; -5 lowers.",
        widget=forms.TextInput(attrs={"inputmode": "text", "autocomplete": "off"}),
    )
    step = forms.ChoiceField(choices=STEPS, label="Round to")

    field_order = ["how", "by", "step", "starts_on", "reason"]

    def __init__(self, *args: Any, kinds: list[AppointmentType], **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.kinds = kinds
        for kind in kinds:
            self.fields[f"pick_{kind.pk}"] = forms.BooleanField(required=False, label=f"Change {kind}")
            self.fields[f"amount_{kind.pk}"] = amount_field(required=False, label=f"New price of {kind}")

    @property
    def general(self) -> list[forms.BoundField]:
        """What is asked once for all."""
        return [self[name] for name in self.field_order]

    def cell(self, kind: AppointmentType, part: str) -> forms.BoundField:
        """Give the tick or the amount of a type."""
        return self[f"{part}_{kind.pk}"]

    def clean(self) -> dict[str, Any]:
        """Work out the new price of each type that is meant."""
        said = super().clean()
        if said.get("how") in (PERCENT, AMOUNT) and said.get("by") is None and "by" not in self.errors:
            self.add_error("by", "Say by how much.")
        if not self.errors:
            said["wanted"] = self._typed(said) if said["how"] == TYPED else self._moved(said)
            if not said["wanted"] and not self.errors:
                self.add_error(None, "Type a new price, or tick appointments and say by how much they change.")
        return said

    def _typed(self, said: dict[str, Any]) -> dict[int, Decimal]:
        amounts = {kind.pk: said.get(f"amount_{kind.pk}") for kind in self.kinds}
        return {key: amount for key, amount in amounts.items() if amount is not None}

    def _moved(self, said: dict[str, Any]) -> dict[int, Decimal]:
        picked = [kind for kind in self.kinds if said.get(f"pick_{kind.pk}")]
        known = price_book.prices_on(said["starts_on"], picked)
        for kind in picked:
            if kind.pk not in known:
                self.add_error(f"amount_{kind.pk}", "It has no price that could be changed. Type one.")
        by = {said["how"]: said["by"]}
        said["exact"] = {key: price_book.moved(price, **by, step=price_book.CENT) for key, price in known.items()}
        return {key: price_book.moved(price, **by, step=Decimal(said["step"])) for key, price in known.items()}


class Seen(forms.Form):
    """What was looked at: of each type that changes the new price, and the one that it takes the place of."""

    def __init__(self, *args: Any, kinds: list[AppointmentType], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in kinds:
            self.fields[f"amount_{kind.pk}"] = amount_field(required=False)
            self.fields[f"old_{kind.pk}"] = amount_field(required=False)

    def amounts(self, part: str) -> dict[int, Decimal | None]:
        """Give the new or the old prices of the types that change."""
        new = (
            name.partition("_")[2]
            for name, amount in self.cleaned_data.items()
            if name.startswith("amount_") and amount is not None
        )
        return {int(key): self.cleaned_data[f"{part}_{key}"] for key in new}


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line with the fields by which it is changed, for those who may."""

    line: Line
    pick: forms.BoundField | None
    amount: forms.BoundField | None


def urls(site: AdminSite) -> list[URLPattern]:
    """List the price book's addresses within the portal."""
    at = {"site": site}
    return [
        path("price-book/", site.admin_view(view), at, name="price_book"),
        path("price-book/preview/", site.admin_view(preview), at, name="price_book_preview"),
        path("price-book/set/", site.admin_view(set_prices), at, name="price_book_set"),
    ]


@require_safe
def view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show what everything costs today, or on the day that is asked for."""
    if not request.user.has_perm("services.view_price"):
        raise PermissionDenied
    today = clinic_day(timezone.now())
    return _page(request, site, day=_day(request.GET.get("on", "")) or today, today=today)


@require_POST
def preview(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show what new prices would change, and which bookings keep the old ones; nothing is set yet."""
    _require_right(request)
    now = timezone.now()
    today = clinic_day(now)
    form = NewPrices(request.POST, kinds=_kinds(price_book.book(today)))
    if not form.is_valid():
        return _page(request, site, day=today, today=today, form=form)
    said = form.cleaned_data
    try:
        changes = price_book.plan(wanted=said["wanted"], starts_on=said["starts_on"], now=now)
        price_book.require_reason(said["reason"])
    except DomainError as refusal:
        _mark(form, refusal)
        return _page(request, site, day=today, today=today, form=form)
    context = {
        **site.each_context(request),
        "title": "New prices",
        "starts_on": said["starts_on"],
        "reason": said["reason"],
        "changes": [_shown_change(change, said.get("exact", {})) for change in changes],
        "kept_count": sum(change.kept_count for change in changes),
        "stay": len(said["wanted"]) - len(changes),
    }
    return TemplateResponse(request, "services/price_preview.html", context)


@require_POST
def set_prices(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Set the prices that were looked at."""
    _require_right(request)
    now = timezone.now()
    form, seen = Wanted(request.POST), Seen(request.POST, kinds=_kinds(price_book.book(clinic_day(now))))
    if not (form.is_valid() and seen.is_valid()):
        messages.error(request, "No price was set: what was sent cannot be read. Begin again here.")
        return redirect("admin:price_book")
    try:
        rows = price_book.set_prices(
            **form.cleaned_data, wanted=seen.amounts("amount"), seen=seen.amounts("old"), by=request.user, now=now
        )
    except DomainError as refusal:
        told = [sentence for sentences in refusal.details.values() for sentence in sentences]
        messages.error(request, " ".join([refusal.message, *told]))
        return redirect("admin:price_book")
    for row in rows:
        _log(request, row)
    told = f"{len(rows)} new {'price' if len(rows) == 1 else 'prices'}"
    messages.success(request, f"{told} from {form.cleaned_data['starts_on']:%-d %b %Y} on.")
    return redirect("admin:price_book")


def _page(
    request: HttpRequest, site: AdminSite, *, day: date, today: date, form: NewPrices | None = None
) -> HttpResponse:
    lines = price_book.book(day)
    may_set = request.user.has_perm(price_book.RIGHT)
    if may_set and form is None:
        form = NewPrices(kinds=_kinds(lines), initial={"how": TYPED, "step": "1.00"})

    def shown(line: Line) -> ShownLine:
        has_cells = may_set and line.kind in form.kinds
        return ShownLine(line, *(form.cell(line.kind, part) if has_cells else None for part in ("pick", "amount")))

    context = {
        **site.each_context(request),
        "title": "Price book",
        "day": day,
        "is_today": day == today,
        "services": [(service, [shown(line) for line in of_it]) for service, of_it in lines],
        "form": form if may_set else None,
        "has_errors": bool(form and form.errors),
    }
    status = HTTPStatus.BAD_REQUEST if context["has_errors"] else HTTPStatus.OK
    return TemplateResponse(request, "services/price_book.html", context, status=status)


def _shown_change(change: Change, exact: dict[int, Decimal]) -> dict[str, Any]:
    before_rounding = exact.get(change.kind.pk, change.new)
    return {
        "change": change,
        "exact": None if before_rounding == change.new else before_rounding,
        "kept": [(one.number, clinic_time(one.starts_at), one.price) for one in change.kept],
        "more": change.kept_count - len(change.kept),
    }


def _kinds(lines: list[tuple[Service, list[Line]]]) -> list[AppointmentType]:
    return [line.kind for _, of_service in lines for line in of_service]


def _day(text: str) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return day if day and FIRST_DAY <= day <= LAST_DAY else None


def _mark(form: NewPrices, refusal: DomainError) -> None:
    """Put what the verb refused beside the fields of the page."""
    for place, told in (refusal.details or {"amounts": [refusal.message]}).items():
        for sentence in told:
            form.add_error(place if place in form.fields else None, sentence)


def _log(request: HttpRequest, price: Price) -> None:
    """Write it into the type's history, as a verb of the type's page would."""
    message = f"{price}: {price.reason}"
    LogEntry.objects.log_actions(request.user.pk, [price.appointment_type], CHANGE, message, single_object=True)


def _require_right(request: HttpRequest) -> None:
    if not request.user.has_perm(price_book.RIGHT):
        raise PermissionDenied
