"""The rules that a new portal begins with; from then on management edits them."""

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps

DAY = 24 * 60
# Code, name, what is watched, threshold, minutes, who is told, severity.
RULES = [
    ("calendar_sync_failure", "Calendar sync fails", "sync_failures", 3, 5, "on_call", "error"),
    ("no_available_practitioners", "Nobody is free", "nobody_free", 1, 60, "operations", "warning"),
    ("high_triage_abandonment", "Many calls are given up", "abandonment", 30, DAY, "management", "warning"),
    ("subscription_silent", "A subscription is silent", "subscriptions", 1, 5, "on_call", "error"),
    ("calendar_stale", "A calendar is stale", "stale_calendars", 1, 15, "operations", "warning"),
    ("inbox_old", "The inbox is old", "inbox_age", 10, 5, "on_call", "error"),
    ("worker_not_seen", "No worker is seen", "worker_unseen", 5, 5, "on_call", "critical"),
    ("beat_not_seen", "The scheduler is not seen", "beat_unseen", 5, 5, "on_call", "critical"),
]
# A share of one call is no share.
SMALLEST = {"abandonment": 5}


def load_rules(sender: AppConfig, *, using: str, apps: Apps = installed_apps, **kwargs: object) -> None:
    """Make the first rules where there are none."""
    try:
        rules = apps.get_model("alerts", "AlertRule").objects.using(using)
    except LookupError:  # migrated back to before there were any
        return
    if rules.exists():
        return
    rules.bulk_create(
        [
            rules.model(
                code=code,
                name=name,
                signal=signal,
                threshold=threshold,
                period_minutes=minutes,
                smallest_number=SMALLEST.get(signal, 1),
                action=action,
                severity=severity,
            )
            for code, name, signal, threshold, minutes, action, severity in RULES
        ],
        ignore_conflicts=True,
    )
