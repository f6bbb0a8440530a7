"""Owed work and inbound events for people: what got stuck, why, and the button that has it tried again."""

import json
from dataclasses import replace

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal import cards
from botaniqal.admin import BAD, INFO, OK, WAITING, ListViews, WrittenByVerbs, badge, clinic_time, verb
from botaniqal.lists import BoundedPaginator

from . import inbox, owed
from .models import InboundEvent, Owed
from .trouble import in_words

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
    # What waits with a reason, as for a vendor's limit, will not be done at once.
    tone = WAITING if row.state == Owed.State.PENDING and row.problem else TONES[row.state]
    return badge(f"{name}: {word.lower()}" if name else word, tone)


KINDS = {
    "created": "Visit booked",
    "canceled": "Visit cancelled",
    "no_show_created": "Marked as no-show",
    "no_show_deleted": "No-show taken back",
    "submission": "Form filled in",
    "other": "Something else",
}
"""What vendors' messages are about; one that is not here is shown as the vendor names it."""


def not_done_yet(rows: QuerySet) -> QuerySet:
    """
    Narrow a list to its open rows.

    Their keys are fetched first, by the index of the open ones: within one query the planner would take a third of all
    rows to be open, and read them all.
    """
    due = rows.model.objects.open().order_by("next_try_at")
    return rows.filter(pk__in=list(due.values_list("pk", flat=True)[: BoundedPaginator.MOST]))


class OwedViews(ListViews):
    """What a person has to do comes first."""

    views = {
        "person": ("Needs a person", lambda rows: rows.for_a_person()),
        "open": ("Not done yet", not_done_yet),
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
        return in_words(row.problem) or "–"

    @admin.display(description="In the logs under")
    def in_the_logs(self, row: Owed) -> str:
        return row.request_id or "–"

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


def _is_whole(event: InboundEvent) -> bool:
    """Tell whether it is still known what a message said."""
    return event.payload is not None


class SetAsideForm(forms.Form):
    """Why a message is let be."""

    reason = forms.CharField(max_length=120, label="Reason", validators=[cards.validate_none])


class KindFilter(admin.SimpleListFilter):
    """What kind of message it is: those that somebody works, since looking for all that ever came takes long."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in sorted({kind for _, kind in model_admin.admin_site.inbound_handlers})]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(InboundEvent)
class InboundEventAdmin(OwedAdmin):
    """What vendors told us."""

    actions = ["try_again", "replay_all", "set_all_aside"]
    verbs = ["try_again_now", "dry_run", "replay", "set_aside"]

    list_display = ["shown_kind", "vendor", "received", "shown_state", "shown_problem", "outcome"]
    list_filter = [OwedViews, "vendor", KindFilter]
    search_fields = ["key"]
    search_help_text = "The vendor's name for the delivery"
    empty_text = "No delivery needs a person. “All” shows what came in."
    done_word = "Worked"

    @verb(
        "Dry run",
        explanation="Says what would come of it if it were worked now. Nothing is changed, and nobody is told.",
        when=_is_whole,
    )
    def dry_run(self, request: HttpRequest, event: InboundEvent) -> str:
        return inbox.dry_run(event=event, handlers=self.admin_site.inbound_handlers)

    @verb(
        "Replay",
        explanation="It was worked already, and is worked once more. What still holds is not done twice.",
        when=lambda event: _is_whole(event) and event.told >= event.wanted,
    )
    def replay(self, request: HttpRequest, event: InboundEvent) -> str:
        inbox.replay(event=event, now=timezone.now())
        return "It is worked again within seconds."

    @verb(
        "Set aside",
        explanation="Nobody has to work it any more. It stays in the list, with your reason.",
        form=SetAsideForm,
        when=lambda event: event.told < event.wanted,
    )
    def set_aside(self, request: HttpRequest, event: InboundEvent, *, reason: str) -> str:
        inbox.set_aside(event=event, reason=reason, by=request.user)
        return "It is set aside."

    @admin.action(description="Replay", permissions=["retry"])
    def replay_all(self, request: HttpRequest, rows: QuerySet) -> None:
        whole = [event for event in rows if _is_whole(event)]
        for event in whole:
            inbox.replay(event=event, now=timezone.now())
        messages.success(request, f"{len(whole)} are worked again within seconds.")
        if len(whole) < len(rows):
            messages.warning(request, f"{len(rows) - len(whole)} cannot be: what they said was deleted for its age.")

    @admin.action(description="Set aside", permissions=["retry"])
    def set_all_aside(self, request: HttpRequest, rows: QuerySet) -> TemplateResponse | None:
        form = SetAsideForm(request.POST if "reason" in request.POST else None, label_suffix="")
        waiting = [event for event in rows if event.told < event.wanted]
        if not form.is_valid():
            return self._ask_why(request, form, waiting)
        for event in waiting:
            inbox.set_aside(event=event, reason=form.cleaned_data["reason"], by=request.user)
        messages.success(request, f"{len(waiting)} are set aside.")
        return None

    def _ask_why(self, request: HttpRequest, form: SetAsideForm, waiting: list[InboundEvent]) -> TemplateResponse:
        """Ask for the reason of all at once; the form carries along what was ticked."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Set {len(waiting)} aside",
            "opts": self.opts,
            "verb": replace(self.set_aside.verb, label=f"Set {len(waiting)} aside"),
            "form": form,
            "hidden": [
                ("action", "set_all_aside"),
                ("select_across", request.POST.get("select_across", "0")),
                *((ACTION_CHECKBOX_NAME, pk) for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)),
            ],
            "action": request.get_full_path(),
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/verb.html", context)

    def name_of(self, event: InboundEvent) -> str:
        return f"{self.shown_kind(event)}, {event.get_vendor_display()}"

    @admin.display(description="About", ordering="kind")
    def shown_kind(self, event: InboundEvent) -> str:
        return KINDS.get(event.kind, event.kind)

    @admin.display(description="Received", ordering="received_at")
    def received(self, event: InboundEvent) -> str:
        return clinic_time(event.received_at)

    @admin.display(description="Payload")
    def shown_payload(self, event: InboundEvent) -> SafeString:
        if event.payload is None:
            return format_html("{}", "Deleted for its age.")
        return format_html('<pre tabindex="0">{}</pre>', json.dumps(event.payload, indent=2, ensure_ascii=False))

    def get_fields(self, request: HttpRequest, obj: InboundEvent | None = None) -> list[str]:
        fields = [
            "vendor",
            "shown_kind",
            "received",
            "shown_state",
            "shown_problem",
            "outcome",
            "attempts",
            "next_try",
            "key",
            "in_the_logs",
        ]
        # The payload is a patient's own words: for those alone who have to mend what it led to.
        return [*fields, "shown_payload"] if self.may_use_verbs(request) else fields
