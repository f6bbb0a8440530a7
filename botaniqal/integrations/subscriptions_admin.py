"""Subscriptions for people: what listens, and what was missed."""

from datetime import datetime, timedelta

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from botaniqal.admin import BAD, INFO, OK, WAITING, ListViews, badge, clinic_time, verb

from . import subscriptions
from .admin import OwedAdmin
from .models import Subscription

HEALTH_TONES = {
    Subscription.Health.NEW: INFO,
    Subscription.Health.ACTIVE: OK,
    Subscription.Health.SILENT: BAD,
    Subscription.Health.DISABLED: BAD,
    Subscription.Health.LOST: BAD,
}
LONGEST_BACK = timedelta(days=90)


def health_badge(row: Subscription) -> SafeString:
    """Show whether a vendor still tells us."""
    if not row.is_wanted:
        return badge("Being ended", INFO)
    if row.needs_person and row.health == Subscription.Health.ACTIVE:
        return badge("Nobody knows", WAITING)
    return badge(row.get_health_display(), HEALTH_TONES[row.health])


class SubscriptionViews(ListViews):
    """There are few: all are shown first."""

    views = {
        "all": ("All", lambda rows: rows),
        "wrong": ("Not well", subscriptions.unwell),
    }


class Since(forms.Form):
    """From when on what was not told is to be read."""

    since = forms.DateTimeField(
        label="Since", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )

    def clean_since(self) -> datetime:
        since = self.cleaned_data["since"]
        if not timezone.now() - LONGEST_BACK <= since <= timezone.now():
            raise forms.ValidationError("That must lie in the last 90 days.")
        return since


@admin.register(Subscription)
class SubscriptionAdmin(OwedAdmin):
    """Who tells us of changes."""

    list_display = ["shown_whose", "vendor", "shown_health", "heard", "checked", "expires", "shown_problem"]
    list_filter = [SubscriptionViews, "vendor"]
    search_fields = ["resource"]
    search_help_text = "Mailbox"
    empty_text = "Nobody tells the portal of changes: neither Calendly nor Outlook is set up."
    done_word = "Checked"
    actions = ["check_them"]
    verbs = ["check_now", "set_up_anew", "fetch_missed"]
    fields = [
        "shown_whose",
        "vendor",
        "shown_health",
        "shown_state",
        "shown_problem",
        "heard",
        "checked",
        "since_when",
        "expires",
        "missed",
        "next_try",
    ]

    @admin.display(description="Whose changes", ordering="resource")
    def shown_whose(self, row: Subscription) -> str:
        return row.whose if "@" in row.whose else capfirst(row.whose)

    @admin.display(description="Health", ordering="health")
    def shown_health(self, row: Subscription) -> SafeString:
        return health_badge(row)

    @admin.display(description="Last heard", ordering="heard_at")
    def heard(self, row: Subscription) -> str:
        return clinic_time(row.heard_at)

    @admin.display(description="Last checked", ordering="checked_at")
    def checked(self, row: Subscription) -> str:
        return clinic_time(row.checked_at)

    @admin.display(description="Set up")
    def since_when(self, row: Subscription) -> str:
        return clinic_time(row.set_up_at)

    @admin.display(description="Ends", ordering="expires_at")
    def expires(self, row: Subscription) -> str:
        return clinic_time(row.expires_at)

    @admin.display(description="Still to be fetched")
    def missed(self, row: Subscription) -> str:
        return f"What came since {clinic_time(row.missed_since)}" if row.missed_since else "Nothing"

    @admin.action(description="Check now", permissions=["retry"])
    def check_them(self, request: HttpRequest, rows: object) -> None:
        subscriptions.check_soon(rows=Subscription.objects.filter(pk__in=[row.pk for row in rows]), now=timezone.now())
        self.message_user(request, "They are checked within seconds.")

    @verb("Check now", explanation="The portal asks the vendor whether it still listens, and mends what is wrong.")
    def check_now(self, request: HttpRequest, row: Subscription) -> str:
        subscriptions.check_soon(rows=Subscription.objects.filter(pk=row.pk), now=timezone.now())
        return "It is checked within seconds."

    @verb(
        "Set up anew",
        explanation="It is ended at the vendor and made once more; what comes meanwhile is fetched after.",
    )
    def set_up_anew(self, request: HttpRequest, row: Subscription) -> str:
        subscriptions.set_up_anew(row=row, now=timezone.now())
        return "It is set up anew within seconds."

    @verb(
        "Fetch what was missed",
        explanation="What was booked, moved or cancelled there since then, and is not known here, is taken in.",
        form=Since,
    )
    def fetch_missed(self, request: HttpRequest, row: Subscription, *, since: datetime) -> str:
        subscriptions.fetch_since(rows=Subscription.objects.filter(pk=row.pk), since=since, now=timezone.now())
        return "It is read within a minute; what is new shows up in the inbox."
