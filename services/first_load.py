"""What those who wait for a service are written at first, until operations write it otherwise."""

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps
from django.utils import timezone

STEPS = [
    (
        0,
        "What happens next with {service}",
        "Thank you for your interest in {service}. We are still getting it ready, and you are among the first to hear "
        "when it begins.\n\n"
        "You need not do anything until then. If you would like to talk to somebody before, you can book a free "
        "consultation on our website at any time.",
    ),
    (
        7,
        "How a visit with us works",
        "While we get {service} ready, here is how a visit with us works.\n\n"
        "It begins with a free consultation by phone. A consultant listens to what you need and tells you what we can "
        "and cannot do. If a visit makes sense, you choose a time together; you see the price before you decide.\n\n"
        "Visits take place by video, by phone or at our clinic.",
    ),
    (
        30,
        "Still on the list for {service}",
        "{service} is not ready yet, and you are still on our list. As soon as it can be booked, we write to you.\n\n"
        "If you do not want to wait any more, the link below takes you off the list.",
    ),
]


def load_steps(sender: AppConfig, *, using: str, apps: Apps = installed_apps, **kwargs: object) -> None:
    """Make the first steps where there are none, approved as they came."""
    try:
        steps, approvals = apps.get_model("services", "NurtureStep"), apps.get_model("wording", "Approval")
    except LookupError:  # migrated back to before there were any
        return
    if steps.objects.using(using).exists():
        return
    for days, subject, text in STEPS:
        step = steps.objects.using(using).create(days=days, subject=subject, text=text)
        approvals.objects.using(using).create(
            subject=f"nurture:{step.pk}",
            label=f"Interest list, day {days}",
            text=f"{subject}\n\n{text}",
            reason="It came with the portal.",
            approved_at=timezone.now(),
        )
