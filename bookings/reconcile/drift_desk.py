"""The drift desk: in what portal and vendors differ, the soonest visit first, and who is right."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from botaniqal.admin import ListViews, Verb, WrittenByVerbs, clinic_time, verb
from botaniqal.errors import DomainError
from botaniqal.integrations.trouble import in_words

from ..models import Drift, Reconciliation
from ..money import payments
from . import drift, drift_sides, settling
from .plans import Winner

MOST_SHOWN = 100
OPEN = "open"


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(max_length=200, label="Reason", validators=[payments.no_card_number])


class DriftViews(ListViews):
    """What stands comes first."""

    views = {
        OPEN: ("Open", lambda rows: rows.unsettled()),
        "settled": ("Settled", lambda rows: rows.exclude(settled_at=None)),
        "all": ("All", lambda rows: rows),
    }


def _is_open(row: Drift) -> bool:
    return row.settled_at is None and not settling.is_being_done(row)


@admin.register(Drift)
class DriftAdmin(WrittenByVerbs):
    """Differences; they are found by comparing, and end by a verb or by themselves."""

    list_display = ["shown_booking", "system", "kind", "field", "ours", "theirs", "visit", "outcome"]
    list_filter = [DriftViews, "system", "kind"]
    list_select_related = ["booking"]
    ordering = ["-seen_at", "-pk"]
    search_fields = ["booking__number"]
    search_help_text = "Confirmation number"
    fields = [
        "shown_booking",
        "visit",
        "system",
        "kind",
        "field",
        "ours",
        "theirs",
        "found",
        "seen",
        "settled",
        "outcome",
    ]
    verbs = ["portal_wins", "vendor_wins", "leave"]
    empty_text = "Nothing was settled yet."

    def get_urls(self) -> list:
        """Put what concerns no single difference before the verbs."""
        own = [
            ("compare/", self.compare_view, "compare"),
            ("status/", self.status_view, "status"),
            ("together/", self.together_view, "together"),
            ("release/<int:run_id>/", self.release_view, "release"),
        ]
        urls = [path(route, self.admin_site.admin_view(view), name=f"drift_{name}") for route, view, name in own]
        return [*urls, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the desk; what is settled is a list."""
        if request.GET.get(DriftViews.parameter_name, OPEN) != OPEN:
            return super().changelist_view(request, {"title": "Drift", **(extra_context or {})})
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        rows = list(_open_rows()[: MOST_SHOWN + 1])
        visits = drift_sides.by_visit(rows[:MOST_SHOWN], now=now)
        context = {
            **self.admin_site.each_context(request),
            **_status(now),
            "title": "Drift",
            "opts": self.opts,
            "visits": visits,
            "has_picks": any(visit.has_picks for visit in visits),
            "has_more": len(rows) > MOST_SHOWN,
            "braked": Reconciliation.objects.filter(is_braked=True, released_at=None),
            "may_settle": self.may_use_verbs(request),
            "views": [(name, label) for name, (label, _) in DriftViews.views.items()],
        }
        return TemplateResponse(request, "bookings/drift_desk.html", context)

    def change_url(self, row: Drift) -> str:
        """After a verb the desk shows what is left."""
        return reverse("admin:bookings_drift_changelist", current_app=self.admin_site.name)

    def verb_of(self, row: Drift, name: str) -> Verb:
        """
        Say before what a verb will do to this difference.

        :raises DomainError: it cannot be done, and why.
        """
        asked = super().verb_of(row, name)
        if not asked.when(row):
            return asked
        winner = {"portal_wins": Winner.PORTAL, "vendor_wins": Winner.VENDOR}.get(name)
        plan = settling.plan_for(row, winner)
        if plan is None:
            return asked
        label = f"{row.get_system_display()} wins" if winner == Winner.VENDOR else asked.label
        return replace(asked, label=label, explanation=f"{drift_sides.sentence(row)} {plan.sentence}")

    @verb("Portal wins", when=_is_open)
    def portal_wins(self, request: HttpRequest, row: Drift) -> str:
        settling.portal_wins(drift_id=row.pk, by=request.user, now=timezone.now())
        return f"The portal wins. {row.get_system_display()} is told within seconds."

    @verb("The vendor wins", when=_is_open)
    def vendor_wins(self, request: HttpRequest, row: Drift) -> str:
        settled = settling.vendor_wins(drift_id=row.pk, by=request.user, now=timezone.now())
        return settled.outcome or f"{row.get_system_display()} wins. It is fetched within seconds."

    @verb(
        "Leave as it is",
        explanation="Nothing is changed anywhere. It is shown again only if it becomes another difference.",
        form=ReasonForm,
        when=_is_open,
    )
    def leave(self, request: HttpRequest, row: Drift, *, reason: str) -> str:
        settling.leave(drift_id=row.pk, reason=reason, by=request.user, now=timezone.now())
        return "It is left as it is, with your reason."

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Have a worker compare at once."""
        self._require_verbs(request)
        first, last = drift.default_span(timezone.now())
        span = f"{clinic_time(first)} to {clinic_time(last)}"
        asked = _verb(
            "Compare now", f"Every vendor is read, and all visits from {span} are compared. Nothing is changed."
        )
        if request.method == "POST":
            drift.ask(by=request.user, now=timezone.now())
            messages.success(request, "The comparison begins within seconds. What it finds appears here.")
            return redirect(self._desk)
        return self._dialog(request, asked, forms.Form(), "admin:drift_compare")

    def release_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Release the brake of a run, for a reason."""
        self._require_verbs(request)
        run = get_object_or_404(Reconciliation, pk=run_id, is_braked=True, released_at=None)
        form = ReasonForm(request.POST if request.method == "POST" else None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            drift.release(run_id=run.pk, by=request.user, now=timezone.now(), **form.cleaned_data)
            messages.success(request, "The brake is released. These differences can be settled now.")
            return redirect(self._desk)
        why = f"{run.found} differences were found at once. Release them only when you know why they are so many."
        return self._dialog(
            request, _verb("Release the brake", why, is_dangerous=True), form, "admin:drift_release", run.pk
        )

    def together_view(self, request: HttpRequest) -> HttpResponse:
        """Let the portal win in several differences: first all that it would do, then doing it."""
        self._require_verbs(request)
        if request.method != "POST":
            raise Http404
        ids = [int(pk) for pk in dict.fromkeys(request.POST.getlist("drift")) if pk.isdecimal() and len(pk) < 19]
        if not 0 < len(ids) <= settings.RECONCILE_BRAKE:
            messages.warning(request, f"Select between 1 and {settings.RECONCILE_BRAKE} differences.")
            return redirect(self._desk)
        rows = list(_open_rows().filter(pk__in=ids))
        if "confirmed" in request.POST:
            self._settle_together(request, rows)
            return redirect(self._desk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Portal wins, several at once",
            "opts": self.opts,
            "plans": [_planned(row) for row in rows],
        }
        context["possible"] = [plan["row"] for plan in context["plans"] if plan["is_possible"]]
        return TemplateResponse(request, "bookings/drift_together.html", context)

    def status_view(self, request: HttpRequest) -> HttpResponse:
        """Give the state of the comparison alone."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return render(request, "bookings/_drift_status.html", _status(timezone.now()))

    def _settle_together(self, request: HttpRequest, rows: list[Drift]) -> None:
        done, refusals = 0, []
        for row in rows:
            try:
                settling.portal_wins(drift_id=row.pk, by=request.user, now=timezone.now())
            except settling.AlreadySettled:
                continue  # with another one of the same visit
            except DomainError as refusal:
                refusals.append(f"{row.booking or row.get_system_display()}: {refusal.message}")
            else:
                done += 1
                self.log_change(request, row, "Portal wins")
        if done:
            messages.success(request, f"The portal wins in {done}. The vendors are told within seconds.")
        for sentence in refusals:
            messages.warning(request, sentence)

    def _dialog(self, request: HttpRequest, asked: Verb, form: forms.Form, address: str, *args: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": asked.label,
            "opts": self.opts,
            "verb": asked,
            "form": form,
            "action": reverse(address, args=args),
            "back": self._desk,
        }
        is_dialog = request.headers.get("X-Fragment") == "dialog"
        return TemplateResponse(request, "admin/_verb.html" if is_dialog else "admin/verb.html", context)

    def _require_verbs(self, request: HttpRequest) -> None:
        if not (self.has_view_permission(request) and self.may_use_verbs(request)):
            raise PermissionDenied

    @property
    def _desk(self) -> str:
        return reverse("admin:bookings_drift_changelist", current_app=self.admin_site.name)

    @admin.display(description="Booking", ordering="booking__number")
    def shown_booking(self, row: Drift) -> str:
        return row.booking.number if row.booking else "None"

    @admin.display(description="Visit", ordering="visit_at")
    def visit(self, row: Drift) -> str:
        return clinic_time(row.visit_at)

    @admin.display(description="Found")
    def found(self, row: Drift) -> str:
        return clinic_time(row.found_at)

    @admin.display(description="Last seen")
    def seen(self, row: Drift) -> str:
        return clinic_time(row.seen_at)

    @admin.display(description="Settled")
    def settled(self, row: Drift) -> str:
        return f"{clinic_time(row.settled_at)}, {row.settled_by or 'by itself'}" if row.settled_at else "–"


def _open_rows() -> QuerySet[Drift]:
    people = ("booking__patient", "booking__practitioner", "booking__appointment_type", "found_by")
    rows = Drift.objects.unsettled().select_related(*people).prefetch_related("booking__sync_records")
    return rows.order_by("visit_at", "booking", "system", "pk")


def _status(now: datetime) -> dict[str, Any]:
    """Tell how the comparison stands: which goes on or waits, and how the last one ended."""
    runs = Reconciliation.objects
    begun = runs.exclude(started_at=None).filter(ended_at=None).first()
    is_going_on = bool(begun) and drift.is_under_way()
    last = runs.exclude(ended_at=None).first()
    is_cut_off = bool(begun) and not is_going_on and not (last and last.asked_at > begun.asked_at)
    return {
        "going_on": begun if is_going_on else None,
        "cut_off": begun if is_cut_off else None,
        "waiting": runs.filter(started_at=None, ended_at=None).first(),
        "last": last,
        "problem": in_words(last.problem) if last else "",
    }


def _planned(row: Drift) -> dict[str, Any]:
    try:
        plan = settling.plan_for(row, Winner.PORTAL)
    except DomainError as refusal:
        return {"row": row, "about": drift_sides.sentence(row), "sentence": refusal.message, "is_possible": False}
    return {"row": row, "about": drift_sides.sentence(row), "sentence": plan.sentence, "is_possible": True}


def _verb(label: str, explanation: str, *, is_dangerous: bool = False) -> Verb:
    return Verb(label=label, explanation=explanation, form=forms.Form, when=lambda row: True, is_dangerous=is_dangerous)
