"""Today: what a person has to do now, and how the clinic does; the portal's first page."""

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import conditional_page, require_POST

from bookings.models import Booking, Checkout, Drift, MoneyDay, RefundDecision, SyncRecord
from botaniqal.admin import limited_to_own
from botaniqal.errors import Missing
from botaniqal.integrations.models import InboundEvent, Incident
from botaniqal.messages.models import Message
from practitioners.models import OutsideCalendar
from triage import claims, hand_over, red_flags

from . import figures, report_pages
from .chart import Datum, columns
from .queue import ALL, EMPTY, REMEMBERED, has_queue, queue_for, told_to, view_of, views_for

CHART_DAYS = 14
LONGEST_ID = 18
MOST_INCIDENTS = 5


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the person's own Today."""
    now = timezone.now()
    today = timezone.localdate(now)
    user = request.user
    if report_pages.is_home(request):
        around = {"title": "Today", "today": today, "helps": _needing_help(request), "incidents": _incidents(request)}
        return report_pages.home(request, site, **around, **_vendors(now))
    own = user if limited_to_own(request) else None
    context: dict[str, Any] = {**site.each_context(request), "title": "Today", "today": today, "own": own}
    if user.has_perm("bookings.view_figures"):
        context["calls"], context["booked"] = figures.calls_of_day(today, of=own)
        context["collected"] = f"${figures.collected(figures.week_of(today), by=own):,.2f}"
    context["helps"] = _needing_help(request)
    context["help_count"] = sum(count for count, _, _ in context["helps"])
    if has_queue(request):
        context |= _queue(request, now) | {"views": views_for(request, is_limited=own is not None)}
    elif own and user.has_perm("bookings.view_booking"):
        context["visits"] = _visits(request)
    context["flags"] = red_flags.waiting_for(user)
    if own is None and user.has_perm("triage.view_handover"):
        context |= {"unread": hand_over.unread_soon(now), "now": now}
    if user.has_perm("bookings.view_figures"):
        context |= _bookings(today)
        context["uses"] = figures.use_of_week(figures.week_of(today))
        context |= _vendors(now)
    answer = TemplateResponse(request, "admin/index.html", context)
    if REMEMBERED in request.GET and "view" in context:
        keeps = {"path": request.path, "secure": settings.SESSION_COOKIE_SECURE, "httponly": True, "samesite": "Lax"}
        answer.set_cookie(REMEMBERED, context["view"], max_age=timedelta(days=365), **keeps)
    return answer


@conditional_page
def queue(request: HttpRequest) -> HttpResponse:
    """Give the queue's rows alone, or 304 while they are the same."""
    rows = _queue(request, timezone.now()) if has_queue(request) else {"days": [], "empty": EMPTY[ALL]}
    return render(request, "reports/_queue.html", rows)


@require_POST
def note_told(request: HttpRequest) -> HttpResponse:
    """Take away the notice that a call was taken over, which its former consultant has seen."""
    event = request.POST.get("event", "")
    if not event.isdecimal() or len(event) > LONGEST_ID:
        raise Missing("There is no such notice.")
    claims.dismiss(event_id=int(event), by=request.user, now=timezone.now())
    return redirect("admin:index")


def _queue(request: HttpRequest, now: datetime) -> dict[str, Any]:
    view = view_of(request)
    return {
        "view": view,
        "days": queue_for(request, now, view=view),
        "told": told_to(request),
        "empty": EMPTY[view],
    }


def _bookings(today: date) -> dict[str, Any]:
    days = figures.bookings_by_day(today, days=CHART_DAYS)
    data = [Datum(f"{row.day:%-d %b}", f"{row.day:%a %-d %b}", row.made, str(row.made)) for row in days]
    chart = columns("Bookings made per day", data, axis=lambda value: f"{value:,}")
    return {"chart": chart, "days_of_bookings": days, "booked_in_all": sum(row.made for row in days)}


def _needing_help(request: HttpRequest) -> list[tuple[int, str, str]]:
    """Count what got stuck and waits for a person, as far as the person may mend it."""
    stuck: list[tuple[str, str, str, QuerySet]] = [
        ("bookings.change_syncrecord", "sync", "bookings_syncrecord", SyncRecord.objects.for_a_person()),
        ("bookings.change_drift", "drift", "bookings_drift", Drift.objects.unsettled()),
        ("integrations.change_inboundevent", "inbox", "integrations_inboundevent", InboundEvent.objects.for_a_person()),
        (
            "practitioners.change_outsidecalendar",
            "calendars",
            "practitioners_outsidecalendar",
            OutsideCalendar.objects.for_a_person(),
        ),
        (
            "bookings.decide_refund",
            "refunds",
            "bookings_refunddecision",
            RefundDecision.objects.to_decide(),
        ),
        ("bookings.change_checkout", "payments", "bookings_checkout", Checkout.objects.for_a_person()),
        ("bookings.change_moneyday", "money by day", "bookings_moneyday", MoneyDay.objects.to_explain()),
        ("mail.change_message", "e-mail", "mail_message", Message.objects.for_a_person()),
    ]
    return [
        (rows.count(), name, f"admin:{address}_changelist")
        for permission, name, address, rows in stuck
        if request.user.has_perm(permission)
    ]


def _vendors(now: datetime) -> dict[str, Any]:
    """Say which vendors and calendars do not answer."""
    stale = OutsideCalendar.objects.stale(now).select_related("practitioner")
    return {"troubles": figures.troubles(), "stale": [str(row.practitioner) for row in stale]}


def _incidents(request: HttpRequest) -> list[Incident]:
    """List what somebody had to be woken for and is not over, to those who may see it."""
    if not request.user.has_perm("integrations.view_incident"):
        return []
    return list(Incident.objects.filter(resolved_at=None)[:MOST_INCIDENTS])


def _visits(request: HttpRequest) -> QuerySet[Booking]:
    """A practitioner's own visits of today."""
    today = timezone.localdate()
    starts_at, ends_at = figures.day_start(today), figures.day_start(today + timedelta(days=1))
    return (
        Booking.objects.filter(practitioner__user=request.user, starts_at__gte=starts_at, starts_at__lt=ends_at)
        .exclude(state__in=[Booking.State.CANCELLED, Booking.State.PENDING_PAYMENT])
        .select_related("patient", "appointment_type")
        .order_by("starts_at")
    )
