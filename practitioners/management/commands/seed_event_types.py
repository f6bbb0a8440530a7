"""Take over the Calendly event types that the environment names."""

from django.core.management.base import BaseCommand

from practitioners import event_types


class Command(BaseCommand):
    """Enter the Calendly event types that the environment names."""

    help = "Enter the event types of CALENDLY_…_CALENDAR_ID that are not known yet; known ones stay as they are."

    def handle(self, **options) -> None:
        """Enter them, and say which."""
        made = event_types.seed_from_settings()
        for row in made:
            self.stdout.write(f"New event type {row}")
        if not made:
            self.stdout.write("Nothing to change.")
