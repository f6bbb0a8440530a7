"""Stripe's money beside ours day by day, for people."""

from datetime import date

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, OK, PLAIN, WAITING, ListViews, Verb, WrittenByVerbs, badge, clinic_time, verb

from ..models import MoneyDay
from . import money_compare
from .money_admin import WordsForm

COMPARE = Verb(
    label="Compare now",
    explanation="A worker asks Stripe what came and went on that day; the result stands here a moment later.",
    form=forms.Form,
    when=lambda row: True,
    is_dangerous=False,
)


class DayForm(forms.Form):
    """Which day is compared."""

    day = forms.DateField(label="Day", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))


class MoneyDayViews(ListViews):
    """What differs comes first."""

    views = {
        "differs": ("To explain", lambda rows: rows.to_explain()),
        "all": ("All days", lambda rows: rows),
    }


@admin.register(MoneyDay)
class MoneyDayAdmin(WrittenByVerbs):
    """Stripe's money beside ours, day by day."""

    list_display = ["shown_day", "taken", "given_back", "shown_state", "compared", "explanation"]
    list_filter = [MoneyDayViews]
    fields = [
        ("shown_day", "shown_state"),
        ("taken", "given_back"),
        "shown_differences",
        ("explanation", "explained_by"),
        ("compared", "problem"),
    ]
    verbs = ["compare_again", "explain"]
    empty_text = "Nothing differs. Each night the day before is compared; “All days” shows them."

    def has_add_permission(self, request: HttpRequest, obj: MoneyDay | None = None) -> bool:
        return self.may_use_verbs(request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Ask which day is compared, and have it done."""
        if not self.may_use_verbs(request):
            raise PermissionDenied
        form = DayForm(request.POST or None, initial={"day": timezone.localdate()}, label_suffix="")
        if form.is_valid():
            row = self._compare(request, form.cleaned_data["day"])
            messages.success(request, f"{row} is being compared. Look again in a moment.")
            return redirect(self.change_url(row))
        context = {
            **self.admin_site.each_context(request),
            "title": COMPARE.label,
            "opts": self.opts,
            "verb": COMPARE,
            "form": form,
            "action": reverse("admin:bookings_moneyday_add"),
            "back": reverse("admin:bookings_moneyday_changelist"),
        }
        return TemplateResponse(request, "admin/verb.html", context, status=422 if form.errors else 200)

    def _compare(self, request: HttpRequest, day: date) -> MoneyDay:
        return money_compare.ask(day=day, by=request.user, now=timezone.now())

    @admin.display(description="Day", ordering="day")
    def shown_day(self, row: MoneyDay) -> str:
        return str(row)

    @admin.display(description="Taken: ours / Stripe’s")
    def taken(self, row: MoneyDay) -> str:
        return f"${row.our_taken} / ${row.their_taken}"

    @admin.display(description="Given back: ours / Stripe’s")
    def given_back(self, row: MoneyDay) -> str:
        return f"${row.our_given_back} / ${row.their_given_back}"

    @admin.display(description="State")
    def shown_state(self, row: MoneyDay) -> SafeString:
        if row.needs_person:
            return badge("Could not be compared", BAD)
        if row.compared_at is None:
            return badge("Waiting", WAITING)
        if row.agrees:
            return badge("Agrees", OK)
        count = len(row.differences)
        words = f"{count} difference{'s' if count > 1 else ''}"
        return badge(f"{words}, explained", PLAIN) if row.explanation else badge(words, BAD)

    @admin.display(description="Differences")
    def shown_differences(self, row: MoneyDay) -> SafeString | str:
        lines = (
            (
                each["what"],
                _side(each["ours"]),
                _side(each["theirs"]),
                each["booking"] or "no booking",
                each["reference"],
            )
            for each in row.differences
        )
        shown = format_html_join("", "<p>{}: ours {}, Stripe’s {}; {}, {}</p>", lines)
        return shown if row.differences else "–"

    @admin.display(description="Compared", ordering="compared_at")
    def compared(self, row: MoneyDay) -> str:
        return clinic_time(row.compared_at)

    @verb("Compare now", explanation=COMPARE.explanation)
    def compare_again(self, request: HttpRequest, row: MoneyDay) -> str:
        self._compare(request, row.day)
        return f"{row} is being compared. Look again in a moment."

    @verb(
        "Explain",
        explanation="Say what the differences are. It holds until others are found.",
        form=WordsForm,
        when=lambda row: not row.agrees,
    )
    def explain(self, request: HttpRequest, row: MoneyDay, *, words: str) -> str:
        money_compare.explain(money_day_id=row.pk, words=words, by=request.user, now=timezone.now())
        return f"{row} is explained."


def _side(amount: str) -> str:
    return f"${amount}" if amount else "nothing"
