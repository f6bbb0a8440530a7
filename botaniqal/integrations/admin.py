"""Owed work and inbound events for people: what got stuck, why, and the button that has it tried again."""

import json

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal.admin import BAD, INFO, OK, WAITING, ListViews, WrittenByVerbs, badge, clinic_time, verb

from . import owed
from .models import InboundEvent, Owed

TONES = {
    Owed.State.PENDING: INFO,
    Owed.State.SENDING: INFO,
    Owed.State.SYNCED: OK,
    Owed.State.RETRYING: WAITING,
    Owed.State.NEEDS_PERSON: BAD,
}


def state_badge(row: Owed, *, name: str = "", done: str = Owed.State.SYNCED.label) -> SafeString:
    """Show where owed work stands, with the name of whom it is owed to; ``done`` is the word for work that is."""
    word = done if row.state == Owed.State.SYNCED else row.state.label
    return badge(f"{name}: {word.lower()}" if name else word, TONES[row.state])


class OwedViews(ListViews):
    """What a person has to do comes first."""

    views = {
        "person": ("Needs a person", lambda rows: rows.for_a_person()),
        "open": ("Not done yet", lambda rows: rows.open()),
        "all": ("All", lambda rows: rows),
    }


class OwedAdmin(WrittenByVerbs):
    """Rows of owed work."""

    list_filter = [OwedViews]
    actions = ["try_again"]
    verbs = ["try_again_now"]
    empty_text = "Nothing needs a person. “All” shows what was done."
    done_word = Owed.State.SYNCED.label

    @admin.display(description="State")
    def shown_state(self, row: Owed) -> SafeString:
        return state_badge(row, done=self.done_word)

    @admin.display(description="Next try", ordering="next_try_at")
    def next_try(self, row: Owed) -> str:
        return clinic_time(row.next_try_at) if row.state in (Owed.State.PENDING, Owed.State.RETRYING) else "–"

    @admin.display(description="Why", ordering="problem")
    def shown_problem(self, row: Owed) -> str:
        return row.problem or "–"

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self.may_use_verbs(request)

    @admin.action(description="Try again", permissions=["retry"])
    def try_again(self, request: HttpRequest, rows: QuerySet) -> None:
        stuck = [row for row in rows if row.told < row.wanted]
        for row in stuck:
            owed.retry(row, now=timezone.now())
        messages.success(request, f"{len(stuck)} are tried again within seconds.")

    @verb(
        "Try again",
        explanation="It is due at once, and counts its tries from the beginning.",
        when=lambda row: row.told < row.wanted,
    )
    def try_again_now(self, request: HttpRequest, row: Owed) -> str:
        owed.retry(row, now=timezone.now())
        return "It is tried again within seconds."


@admin.register(InboundEvent)
class InboundEventAdmin(OwedAdmin):
    """What vendors told us."""

    list_display = ["kind", "vendor", "received", "shown_state", "shown_problem", "outcome"]
    list_filter = [OwedViews, "vendor", "kind"]
    search_fields = ["key"]
    search_help_text = "The vendor's name for the delivery"
    empty_text = "No delivery needs a person. “All” shows what came in."
    done_word = "Worked"

    @admin.display(description="Received", ordering="received_at")
    def received(self, event: InboundEvent) -> str:
        return clinic_time(event.received_at)

    @admin.display(description="Payload")
    def shown_payload(self, event: InboundEvent) -> SafeString:
        return format_html('<pre tabindex="0">{}</pre>', json.dumps(event.payload, indent=2, ensure_ascii=False))

    def get_fields(self, request: HttpRequest, obj: InboundEvent | None = None) -> list[str]:
        fields = [
            "vendor",
            "kind",
            "key",
            "received",
            "shown_state",
            "shown_problem",
            "outcome",
            "attempts",
            "next_try",
        ]
        # The payload is a patient's own words: for those alone who have to mend what it led to.
        return [*fields, "shown_payload"] if self.may_use_verbs(request) else fields
