"""What stands in the sidebar, for whom, and what waits behind each item."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet, Value
from django.http import HttpRequest
from django.urls import reverse

from bookings.models import DetailProposal, Drift, FormAnswers, RefundDecision, SyncRecord
from botaniqal.admin import BAD, INFO
from botaniqal.integrations import subscriptions
from botaniqal.integrations.models import InboundEvent, Incident, Subscription
from botaniqal.messages.models import Message
from practitioners.models import OutsideCalendar
from triage import red_flags

from .queue import calls_due
from .report_pages import REPORTS, may_open


def has_visits(request: HttpRequest) -> bool:
    """Tell whether somebody has a day of their own: they give care or consult."""
    return hasattr(request.user, "practitioner")


@dataclass(frozen=True, slots=True)
class Item:
    """A link that somebody with the permission sees, with how much waits behind it."""

    name: str
    icon: str
    address: str
    permission: str = ""
    waiting: Callable[[HttpRequest], QuerySet] | None = None
    counted: str = ""
    tone: str = BAD
    is_for: Callable[[HttpRequest], bool] | None = None
    """Whom it is for, where a permission does not say it."""


FEW = 20
"""So many items are shown at once; who may open more has the groups folded but the first, and where they are."""

GROUPS = [
    (
        "Work",
        [
            Item("Today", "today", "index"),
            Item("My day", "clock", "my_day", "bookings.view_booking", is_for=has_visits),
            Item(
                "Triage calls",
                "phone",
                "triage_triagesession_changelist",
                "triage.view_triagesession",
                calls_due,
                "calls to make today",
                INFO,
            ),
            Item(
                "Red flags",
                "alert",
                "triage_redflag_changelist",
                "triage.view_redflag",
                lambda request: red_flags.waiting_for(request.user),
                "waiting",
            ),
            Item("Calendar", "calendar", "calendar", "practitioners.view_diaryentry"),
            Item("Bookings", "booking", "bookings_booking_changelist", "bookings.view_booking"),
            Item("Patients", "patients", "bookings_patient_changelist", "bookings.view_patient"),
        ],
    ),
    (
        "Reports",
        [
            Item(report.name, report.icon, f"report_{report.slug}", is_for=partial(may_open, report=report))
            for report in REPORTS
        ],
    ),
    (
        "To decide",
        [
            Item(
                "Proposed changes",
                "edit",
                "bookings_detailproposal_changelist",
                "bookings.decide_details",
                lambda request: DetailProposal.objects.filter(decided_at=None, patient__merged_into=None),
                "to decide",
            ),
            Item(
                "Form answers",
                "edit",
                "bookings_formanswers_changelist",
                "bookings.change_formanswers",
                lambda request: FormAnswers.objects.filter(booking=None),
                "of nobody yet",
            ),
            Item(
                "Refunds",
                "retry",
                "bookings_refunddecision_changelist",
                "bookings.view_refunddecision",
                lambda request: RefundDecision.objects.to_decide(),
                "to decide",
            ),
            Item(
                "Drift",
                "updown",
                "bookings_drift_changelist",
                "bookings.view_drift",
                lambda request: Drift.objects.unsettled(),
                "differences",
            ),
        ],
    ),
    (
        "Waiting lists",
        [
            Item("Interest list", "people", "services_interestentry_changelist", "services.view_interestentry"),
            Item(
                "Earlier times",
                "clock",
                "bookings_earliertimerequest_changelist",
                "bookings.view_earliertimerequest",
            ),
            Item("Freed times", "calendar", "bookings_freedtime_changelist", "bookings.view_freedtime"),
            Item("Offers", "bell", "bookings_earliertimeoffer_changelist", "bookings.view_earliertimeoffer"),
        ],
    ),
    (
        "Money",
        [
            Item("Payments online", "money", "bookings_checkout_changelist", "bookings.view_checkout"),
            Item("Disputes", "alert", "bookings_dispute_changelist", "bookings.view_dispute"),
            Item("Money by day", "updown", "bookings_moneyday_changelist", "bookings.view_moneyday"),
            Item("Refund rules", "tag", "bookings_refundrule_changelist", "bookings.change_refundrule"),
        ],
    ),
    (
        "Catalogue",
        [
            Item("Services & prices", "tag", "services_service_changelist", "services.change_service"),
            Item("Price book", "tag", "price_book", "services.view_price"),
            Item("Publish check", "alert", "publish_check", "services.view_appointmenttype"),
            Item("Appointment types", "types", "services_appointmenttype_changelist", "services.view_appointmenttype"),
            Item(
                "Practitioners",
                "stethoscope",
                "practitioners_practitioner_changelist",
                "practitioners.view_practitioner",
            ),
            Item("Rooms", "room", "practitioners_room_changelist", "practitioners.change_room"),
            Item("Diary", "diary", "practitioners_diaryentry_changelist", "practitioners.view_diaryentry"),
        ],
    ),
    (
        "Words",
        [
            Item("Script", "edit", "triage_script_changelist", "triage.view_question"),
            Item("Forms", "types", "services_form_changelist", "services.view_form"),
            Item("Words in e-mails", "edit", "mail_messagewords_changelist", "mail.view_messagewords"),
            Item("Letters to the list", "mail", "services_nurturestep_changelist", "services.view_nurturestep"),
            Item("Approved wording", "edit", "wording_approval_changelist", "wording.view_approval"),
            Item("Risky words", "alert", "wording_riskyword_changelist", "wording.view_riskyword"),
            Item("Consents", "types", "bookings_consentwording_changelist", "bookings.change_consentwording"),
            Item("Call endings", "phone", "triage_disposition_changelist", "triage.change_disposition"),
            Item(
                "Reasons for cancelling",
                "booking",
                "bookings_cancelreason_changelist",
                "bookings.change_cancelreason",
            ),
        ],
    ),
    (
        "Vendors",
        [
            Item("Status", "check", "status", "integrations.view_subscription"),
            Item(
                "Sync",
                "sync",
                "bookings_syncrecord_changelist",
                "bookings.change_syncrecord",
                lambda request: SyncRecord.objects.for_a_person(),
                "need a person",
            ),
            Item(
                "Inbox",
                "inbox",
                "integrations_inboundevent_changelist",
                "integrations.view_inboundevent",
                lambda request: InboundEvent.objects.for_a_person(),
                "need a person",
            ),
            Item(
                "Messages",
                "mail",
                "mail_message_changelist",
                "mail.change_message",
                lambda request: Message.objects.for_a_person(),
                "need a person",
            ),
            Item("Stopped addresses", "mail", "mail_suppression_changelist", "mail.view_suppression"),
            Item(
                "Calendars",
                "calendar",
                "practitioners_outsidecalendar_changelist",
                "practitioners.view_outsidecalendar",
                lambda request: OutsideCalendar.objects.for_a_person(),
                "need a person",
            ),
            Item(
                "Subscriptions",
                "bell",
                "integrations_subscription_changelist",
                "integrations.view_subscription",
                lambda request: subscriptions.unwell(Subscription.objects.all()),
                "not well",
            ),
            Item(
                "Incidents",
                "alert",
                "integrations_incident_changelist",
                "integrations.view_incident",
                lambda request: Incident.objects.filter(resolved_at=None),
                "open",
            ),
            Item("Alert rules", "bell", "alerts_alertrule_changelist", "alerts.view_alertrule"),
            Item(
                "Event types",
                "event",
                "practitioners_calendlyeventtype_changelist",
                "practitioners.change_calendlyeventtype",
            ),
        ],
    ),
    (
        "System",
        [
            Item("People", "people", "accounts_user_changelist", "accounts.view_user"),
            Item("Roles", "groups", "auth_group_changelist", "auth.view_group"),
            Item("Overrides", "alert", "triage_override_changelist", "triage.go_beyond_rules"),
        ],
    ),
]


def sidebar(request: HttpRequest) -> dict[str, Any]:
    """Give the templates the sidebar of the person who asks; it is worked out only where it is drawn."""
    return {"sidebar": partial(groups_for, request), "place": partial(place_of, request), "is_demo": settings.DEMO}


def place_of(request: HttpRequest) -> str:
    """Name the list that a page belongs to, as the sidebar does."""
    return next((item.name for _, items in GROUPS for item in items if _is_current(item, request)), "")


def groups_for(request: HttpRequest) -> list[dict[str, Any]]:
    """List the groups with what the person may open, and how much waits there; all of it is counted at once."""
    if not getattr(request, "user", None) or not request.user.is_staff:
        return []
    opened = [(name, [item for item in items if _is_open(item, request)]) for name, items in GROUPS]
    every = [item for _, items in opened for item in items]
    counts = _counts(every, request)
    groups = []
    for name, items in opened:
        links = [
            {
                "name": item.name,
                "icon": item.icon,
                "url": reverse(f"admin:{item.address}"),
                "is_current": _is_current(item, request),
                "count": counts.get(item.name, 0),
                "counted": item.counted,
                "tone": item.tone,
            }
            for item in items
        ]
        if links:
            is_here = any(link["is_current"] for link in links)
            waiting = sum(link["count"] for link in links)
            folds = len(every) > FEW and bool(groups)
            groups.append({"name": name, "links": links, "folds": folds, "is_here": is_here, "waiting": waiting})
    return groups


def _counts(items: list[Item], request: HttpRequest) -> dict[str, int]:
    """Count what waits behind each item, in one query."""
    rows = [
        item.waiting(request).order_by().values(item_name=Value(item.name)).annotate(many=Count("pk"))
        for item in items
        if item.waiting
    ]
    if not rows:
        return {}
    first, *others = rows
    return {row["item_name"]: row["many"] for row in first.union(*others, all=True)}


def links_for(request: HttpRequest) -> list[dict[str, str]]:
    """List what the person may open, without counting anything."""
    return [
        {"name": item.name, "group": name, "url": reverse(f"admin:{item.address}")}
        for name, items in GROUPS
        for item in items
        if _is_open(item, request)
    ]


def _is_open(item: Item, request: HttpRequest) -> bool:
    is_allowed = not item.permission or request.user.has_perm(item.permission)
    return is_allowed and (item.is_for is None or item.is_for(request))


def _is_current(item: Item, request: HttpRequest) -> bool:
    url = reverse(f"admin:{item.address}")
    return request.path == url or (item.address != "index" and request.path.startswith(url))
