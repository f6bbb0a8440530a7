"""What vendors and patients were told of bookings, for people: what is stuck, and what was said to whom."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, INFO, OK, PLAIN, WAITING, badge, clinic_time, limited_to_own, verb
from botaniqal.integrations.admin import OwedAdmin, OwedViews, state_badge
from botaniqal.integrations.models import Turn
from botaniqal.integrations.trouble import in_words
from botaniqal.messages.models import Message
from botaniqal.messages.showing import message_badge
from practitioners.admin import PractitionerAdmin
from practitioners.models import Practitioner

from ..models import Booking, SyncNote, SyncRecord, ids_known_to
from . import sync

URGENCY = [
    SyncRecord.State.NEEDS_PERSON,
    SyncRecord.State.RETRYING,
    SyncRecord.State.SENDING,
    SyncRecord.State.PENDING,
    SyncRecord.State.SYNCED,
]
TURN_TONES = {
    Turn.TOLD: OK,
    Turn.HEARD: INFO,
    Turn.WAITING: WAITING,
    Turn.PUT_OFF: WAITING,
    Turn.HANDED_OVER: BAD,
    Turn.TRIED_AGAIN: PLAIN,
}
LONGEST = 200  # so many lines of a time line are shown, the latest

Line = tuple[datetime, str, SafeString, str]
"""When, with whom, what became of it, in which words."""


def shown_worst(booking: Booking) -> SafeString | str:
    """Show the record that is furthest from being done; it stands for all."""
    records = sorted(booking.sync_records.all(), key=lambda record: URGENCY.index(record.state))
    if not records:
        return "–"
    return state_badge(records[0], name="" if records[0].state == SyncRecord.State.SYNCED else str(records[0]))


def shown_systems(booking: Booking) -> SafeString | str:
    """Show where each system stands with a booking, and why it is no further."""
    records = sorted(booking.sync_records.all(), key=lambda record: record.system)
    rows = ((record, state_badge(record), in_words(record.problem)) for record in records)
    return format_html_join("", '<span class="told">{} {} <small>{}</small></span>', rows) or "–"


def shown_time_line(booking: Booking) -> SafeString | str:
    """Show in order of time what was said to vendors, heard from them, and written to the patient."""
    notes = SyncNote.objects.filter(record__booking=booking).select_related("record").order_by("-at", "-pk")[:LONGEST]
    messages = Message.objects.filter(reference=booking.pk).order_by("-created_at")[:LONGEST]
    return _as_list([*map(_line_of_note, notes), *map(_line_of_message, messages)])


def _line_of_note(note: SyncNote) -> Line:
    turn = Turn(note.turn)
    return note.at, str(note.record), badge(turn.label, TURN_TONES[turn]), in_words(note.words)


def _line_of_message(message: Message) -> Line:
    words = f"{message}. {message.problem or message.outcome}".strip()
    return message.sent_at or message.created_at, "E-mail", message_badge(message), words


def _as_list(lines: Iterable[Line]) -> SafeString | str:
    line = "<li><time>{}</time><span>{}</span><span>{}</span><span>{}</span></li>"
    rows = ((clinic_time(at), *rest) for at, *rest in sorted(lines, key=lambda line: line[0])[-LONGEST:])
    shown = format_html_join("", line, rows)
    return format_html('<ol class="time-line">{}</ol>', shown) if shown else "Nothing was said yet."


@admin.register(SyncRecord)
class SyncRecordAdmin(OwedAdmin):
    """What each vendor was told of each booking."""

    list_display = ["booking", "system", "shown_state", "shown_problem", "attempts", "next_try", "visit"]
    list_filter = [*OwedAdmin.list_filter, "system"]
    list_select_related = ["booking"]
    search_fields = ["booking__number", "external_id"]
    search_help_text = "Confirmation number, or the vendor's id"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("booking", "visit"),
                    ("system", "external_id"),
                    ("shown_state", "attempts", "next_try"),
                    "shown_problem",
                    "in_the_logs",
                ]
            },
        ),
        ("What was said", {"fields": ["time_line"]}),
    ]
    readonly_fields = ["visit", "shown_state", "shown_problem", "next_try", "in_the_logs", "time_line"]
    empty_text = "Every vendor knows every booking. “All” shows what they were told."

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRecord]:
        records = super().get_queryset(request)
        if limited_to_own(request):
            return records.filter(booking__patient__in=ids_known_to(request.user))
        return records

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """What has to be done comes by its visit, the soonest first; what was done, the latest first."""
        is_all = request.GET.get(OwedViews.parameter_name) == "all"
        return ["-booking__starts_at", "-pk"] if is_all else ["booking__starts_at", "pk"]

    def name_of(self, record: SyncRecord) -> str:
        return f"{record.booking} in {record}"

    @admin.display(description="Visit", ordering="booking__starts_at")
    def visit(self, record: SyncRecord) -> str:
        return clinic_time(record.booking.starts_at)

    @admin.display(description="Time line")
    def time_line(self, record: SyncRecord) -> SafeString | str:
        return _as_list(map(_line_of_note, record.notes.select_related("record").order_by("-at", "-pk")[:LONGEST]))


admin.site.unregister(Practitioner)


@admin.register(Practitioner)
class PractitionerWithVisitsAdmin(PractitionerAdmin):
    """As the practitioner's page below, which knows of no visits, with the verb that tells them again."""

    verbs = [*PractitionerAdmin.verbs, "tell_calendar_again"]

    @verb(
        "Tell their calendar again",
        explanation=(
            "For after their calendar, mailbox, Calendly user or meeting link was changed: each visit that lies ahead "
            "is looked up and put where it belongs now. Patients get no e-mail."
        ),
    )
    def tell_calendar_again(self, request: HttpRequest, practitioner: Practitioner) -> str:
        count = sync.owe_upcoming(practitioner=practitioner, now=timezone.now())
        if not count:
            return "No visit lies ahead."
        visits = "1 visit that lies ahead is" if count == 1 else f"{count} visits that lie ahead are"
        return f"{visits} told again within seconds."
