"""The page of the fault dial: what goes wrong at which vendor, how often, and what is under way."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST

from botaniqal.sandbox import dial, limits
from botaniqal.sandbox.calendly import plan
from botaniqal.sandbox.door import calls
from botaniqal.sandbox.store import Document, store
from botaniqal.sandbox.vendors import VENDORS, Vendor

LATEST_CALLS = 50
PRESETS = {"calm": "A calm day", "bad_day": "A bad day"}
KINDS = (("Calls", dial.CALLS), ("Webhooks", dial.HOOKS), ("Of one vendor alone", dial.SPECIAL))


def words(operation: str) -> str:
    """Say `appointments.write` in words."""
    group, _, kind = operation.replace("_", " ").partition(".")
    return {"all": "everything", "read": "all reads", "write": "all writes"}.get(
        group, f"{group}{kind and f', {kind}s'}"
    )


def _targets(vendor: Vendor) -> list[tuple[str, str]]:
    return [(f"{vendor.name} {name}", f"{vendor.title}: {words(name)}") for name in dial.operations(vendor, "latency")]


class FaultForm(forms.Form):
    """One turn of the fault dial."""

    target = forms.ChoiceField(label="Where", choices=[(each.title, _targets(each)) for each in VENDORS.values()])
    fault = forms.ChoiceField(label="What goes wrong", choices=[(title, [*faults.items()]) for title, faults in KINDS])
    percent = forms.IntegerField(label="How often, %", min_value=1, max_value=100, initial=100)
    calls = forms.IntegerField(label="How many times", min_value=1, max_value=1_000_000, required=False)
    milliseconds = forms.IntegerField(label="Late by, ms", min_value=0, max_value=600_000, initial=1000)
    retry_after = forms.IntegerField(label="Retry-After, s", min_value=0, max_value=3600, initial=5)

    def clean(self) -> dict[str, Any]:
        """Refuse what a vendor cannot do; a fault of webhooks is set for the vendor as a whole."""
        fields = super().clean()
        vendor, _, operation = fields.get("target", "").partition(" ")
        fault = fields.get("fault")
        if vendor and fault and not dial.operations(VENDORS[vendor], fault):
            self.add_error("fault", f"{VENDORS[vendor].title} has nothing of the kind.")
        return fields | {"vendor": vendor, "operation": operation if fault in dial.CALLS else "all"}


class ChanceForm(forms.Form):
    """The seed of the faults."""

    seed = forms.CharField(label="Seed", max_length=100, required=False)


class PlanForm(forms.Form):
    """What Calendly lets the clinic do."""

    plan = forms.ChoiceField(label="Plan", choices=list(plan.PLANS.items()))
    invitees = forms.RegexField(
        limits.FORM,
        label="Bookings by API",
        error_messages={"invalid": "Write it as calls/seconds, such as 10/60 50/3600 100/86400, or off."},
    )


@require_http_methods(["GET", "POST"])
def faults(request: HttpRequest) -> HttpResponse:
    """Show the fault dial and turn it."""
    form = FaultForm(request.POST or None, label_suffix="")
    if form.is_valid():
        names = ("vendor", "operation", "fault", "calls", "milliseconds", "retry_after")
        turned = {name: form.cleaned_data[name] for name in names}
        dial.turn(turned | {"rate": form.cleaned_data["percent"] / 100})
        return redirect(f"{reverse('faults')}?did=turned")
    return _page(request, form=form)


@require_POST
def clear_faults(request: HttpRequest) -> HttpResponse:
    """Turn one fault off, or all."""
    if "fault" in request.POST:
        fault = store.get("fault", request.POST["fault"])
        if fault is None:
            raise Http404
        dial.turn(fault | {"calls": 0})
    else:
        dial.clear()
    return redirect(f"{reverse('faults')}?did=cleared")


@require_POST
def choose_preset(request: HttpRequest) -> HttpResponse:
    """Set the dial to a preset."""
    preset = request.POST.get("preset", "")
    if preset not in dial.PRESETS:
        raise Http404
    dial.turn_to(preset)
    return redirect(f"{reverse('faults')}?did={preset}")


@require_POST
def sow(request: HttpRequest) -> HttpResponse:
    """Begin the series of faults anew, from a seed or by chance."""
    form = ChanceForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _page(request, chance=form)
    dial.start_over(form.cleaned_data["seed"])
    return redirect(f"{reverse('faults')}?did=sown")


@require_POST
def choose_plan(request: HttpRequest) -> HttpResponse:
    """Change Calendly's plan and limits."""
    form = PlanForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _page(request, plans=form)
    plan.choose(form.cleaned_data["plan"])
    plan.limit(invitees=form.cleaned_data["invitees"])
    return redirect(f"{reverse('faults')}?did=planned")


def shown(fault: Document) -> dict[str, Any]:
    """Put together what a page says of a fault."""
    return fault | {
        "vendor_title": VENDORS[fault["vendor"]].title,
        "sentence": dial.FAULTS[fault["fault"]],
        "where": words(fault["operation"]) if fault["fault"] in dial.CALLS else "",
        "percent": f"{fault['rate'] * 100:g}",
        "is_late": fault["fault"] in {"latency", "late", "reordered"},
    }


def _page(
    request: HttpRequest,
    *,
    form: FaultForm | None = None,
    chance: ChanceForm | None = None,
    plans: PlanForm | None = None,
) -> HttpResponse:
    limited = plan.limited()["invitees"]
    has_errors = any(each is not None and each.errors for each in (form, chance, plans))
    context = {
        "form": form or FaultForm(label_suffix=""),
        "chance": chance or ChanceForm(initial={"seed": dial.seed()}, label_suffix=""),
        "plans": plans or PlanForm(initial={"plan": plan.plan(), "invitees": limited["limits"]}, label_suffix=""),
        "windows": limited["windows"],
        "presets": PRESETS,
        "faults": [shown(row) for row in store.find("fault")],
        "calls": [call | {"at": parse_datetime(call["at"])} for call in reversed(list(calls.of())[-LATEST_CALLS:])],
    }
    return render(request, "sandbox/faults.html", context, status=422 if has_errors else 200)
