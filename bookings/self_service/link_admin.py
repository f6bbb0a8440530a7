"""The patient's own page of a visit, for people: where it is, and how its links are made void."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal.admin import verb

from ..models import Booking
from . import links


class LinkVerbs:
    """What concerns the patient's links; part of the bookings' admin."""

    def get_fieldsets(self, request: HttpRequest, booking: Booking | None = None) -> list[Any]:
        """Show the address only to those who may change the visit: whoever has it can."""
        fieldsets = super().get_fieldsets(request, booking)
        if self.may_use_verbs(request):
            return fieldsets
        return [
            (name, {**options, "fields": [each for each in options["fields"] if each != "patients_page"]})
            for name, options in fieldsets
        ]

    @verb(
        "Make links void",
        explanation="No link that the patient got for this visit works any more. The next e-mail brings a new one.",
        is_dangerous=True,
        when=lambda booking: timezone.now() <= booking.ends_at + links.AFTER_THE_VISIT,
    )
    def make_links_void(self, request: HttpRequest, booking: Booking) -> str:
        links.make_void(booking=booking)
        return f"The links of {booking} that were sent until now are void."

    @admin.display(description="Patient's page")
    def patients_page(self, booking: Booking) -> SafeString | str:
        """Show the address of the patient's page, to be copied for them."""
        if timezone.now() > booking.ends_at + links.AFTER_THE_VISIT:
            return "Over, two weeks after the visit"
        return format_html(
            '<input class="vTextField" readonly aria-label="Address of the patient\'s page" value="{}">',
            links.to_visit(booking),
        )
