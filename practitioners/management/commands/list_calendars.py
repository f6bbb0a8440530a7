"""List the event types of the organisation in Calendly."""

from typing import Any

from django.conf import settings

from botaniqal.commands import PortalCommand, Tally
from botaniqal.integrations import calendly
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from practitioners.models import CalendlyEventType


class Command(PortalCommand):
    """Print each event type with its id, length, owner, and whose appointments it stands for here."""

    help = "List the event types in Calendly, and what they stand for here; the id is what the admin asks for."

    def run(self, **options: Any) -> Tally:
        """Print them."""
        if not settings.CALENDLY_ORGANIZATION:
            raise self.cannot("CALENDLY_ORGANIZATION is not set, so there is nothing to list.")
        try:
            found = calendly.client().event_types(organization=settings.CALENDLY_ORGANIZATION)
        except (VendorUnavailable, VendorRefused) as error:
            raise self.cannot(f"{error}. Nothing could be listed.") from None
        rows = CalendlyEventType.objects.select_related("practitioner", "appointment_type")
        known = {row.calendly_id: row for row in rows}
        tally = Tally()
        for event_type in found:
            row = known.pop(calendly.uuid_of(event_type.uri), None)
            tally.count("known here" if row else "not known here")
            state = "" if event_type.is_active else ", switched off"
            self.stdout.write(calendly.uuid_of(event_type.uri))
            self.stdout.write(
                f"    {event_type.name}, {event_type.minutes} minutes, {event_type.owner_name or 'shared'}{state}"
            )
            self.stdout.write(f"    here: {row or 'nobody knows it; add it to a practitioner to use it'}")
        for row in known.values():
            tally.trouble(f"{row.calendly_id} ({row}) is known here and not in Calendly. Correct it.")
        return tally
