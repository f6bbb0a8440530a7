"""The calendar: days and weeks of practitioners and rooms, and a panel for each booking."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from . import page, panel, sheet


def urls(site: AdminSite) -> list[URLPattern]:
    """List the calendar's addresses within the portal."""
    at, booking = {"site": site}, "calendar/bookings/<uuid:booking_id>/"
    return [
        path("calendar/", site.admin_view(page.view), at, name="calendar"),
        path("calendar/sheet.css", site.admin_view(sheet.view, cacheable=True), name="calendar_sheet"),
        path(booking, site.admin_view(panel.view), at, name="calendar_booking"),
        path(f"{booking}move/", site.admin_view(panel.move), at, name="calendar_move"),
    ]
