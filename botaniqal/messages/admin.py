"""Messages for people: what went out, what did not arrive and why, and which addresses are not written to any more."""

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal import cards
from botaniqal.admin import (
    BAD,
    PLAIN,
    ListViews,
    ShownInline,
    WrittenByVerbs,
    badge,
    clinic_time,
    limited_to_own,
    verb,
)
from botaniqal.integrations.admin import OwedAdmin, OwedViews

from . import afterwards, suppression
from .models import Message, MessageReport, Suppression
from .showing import delivery_badge, report_badge, shown_pre
from .words_admin import as_sent

Delivery = Message.Delivery
UNDELIVERED = [Delivery.BOUNCED, Delivery.COMPLAINED, Delivery.REJECTED]


class ReasonForm(forms.Form):
    """Why something is done about a message or an address."""

    reason = forms.CharField(max_length=150, label="Reason", validators=[cards.validate_none])


class MessageViews(OwedViews):
    """What a person has to do comes first, then what did not arrive."""

    views = {
        "person": OwedViews.views["person"],
        "undelivered": (
            "Did not arrive",
            lambda rows: rows.filter(delivery__in=UNDELIVERED, delivery_at__isnull=False).order_by("-delivery_at"),
        ),
        "open": OwedViews.views["open"],
        "factual": ("Factual", lambda rows: rows.filter(stream=Message.Stream.FACTUAL)),
        "marketing": ("Marketing", lambda rows: rows.filter(stream=Message.Stream.MARKETING)),
        "all": OwedViews.views["all"],
    }


class ReportInline(ShownInline):
    """What the mail service reported, the latest first."""

    model = MessageReport
    verbose_name_plural = "What the mail service reported"
    fields = ["moment", "shown_kind"]
    readonly_fields = fields

    @admin.display(description="When")
    def moment(self, report: MessageReport) -> str:
        return clinic_time(report.at)

    @admin.display(description="What")
    def shown_kind(self, report: MessageReport) -> SafeString:
        return report_badge(report)


class MessageAdmin(OwedAdmin):
    """E-mails to patients and staff."""

    list_display = ["kind", "to", "subject", "shown_state", "shown_delivery", "shown_problem", "sent"]
    list_filter = [MessageViews, "kind"]
    search_fields = ["to", "subject"]
    search_help_text = "E-mail or subject"
    fields = [
        ("kind", "stream"),
        ("shown_to", "subject"),
        ("shown_state", "shown_delivery"),
        "shown_problem",
        ("written", "sent"),
        "as_sent",
        "shown_text",
        "shown_calendar",
    ]
    inlines = [ReportInline]
    verbs = ["try_again_now", "set_aside", "stop"]
    empty_text = "Every message went out. “All” shows them."
    done_word = "Sent"

    def get_urls(self) -> list:
        """Put the message as it was sent before Django's own pages."""
        look = self.admin_site.admin_view(self.show_as_sent)
        return [path("<uuid:message_id>/as-sent/", look, name="mail_message_as_sent"), *super().get_urls()]

    def show_as_sent(self, request: HttpRequest, message_id: object) -> HttpResponse:
        """Show the HTML of a message as a mail program does, on a page where nothing of it can run."""
        message = self.get_object(request, str(message_id))
        if message is None or not self.has_view_permission(request, message):
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(message_id))
        return as_sent(message.html)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # A message belongs to a booking by a plain reference, so it cannot be told whose patient it is about.
        return super().has_view_permission(request, obj) and not limited_to_own(request)

    @admin.action(description="Try again", permissions=["retry"])
    def try_again(self, request: HttpRequest, rows: QuerySet) -> None:
        # What went out and bounced is sent again by its own verb, as a message of its own.
        super().try_again(request, rows.filter(sent_at=None))

    @admin.display(description="To", ordering="to")
    def shown_to(self, message: Message) -> SafeString | str:
        if suppression.is_suppressed(message.to):
            return format_html("{} {}", message.to, badge("Not written to", BAD))
        return message.to

    @admin.display(description="State")
    def shown_state(self, message: Message) -> SafeString:
        if message.told >= message.wanted and message.sent_at is None:
            return badge("Not sent", PLAIN)
        return super().shown_state(message)

    @admin.display(description="Arrived", ordering="delivery")
    def shown_delivery(self, message: Message) -> SafeString | str:
        return delivery_badge(message)

    @admin.display(description="Why")
    def shown_problem(self, message: Message) -> str:
        return message.outcome or super().shown_problem(message)

    @admin.display(description="Written", ordering="created_at")
    def written(self, message: Message) -> str:
        return clinic_time(message.created_at)

    @admin.display(description="Sent", ordering="sent_at")
    def sent(self, message: Message) -> str:
        return clinic_time(message.sent_at)

    @admin.display(description="As it was sent")
    def as_sent(self, message: Message) -> SafeString | str:
        if not message.html:
            return "–"
        address = reverse("admin:mail_message_as_sent", args=(message.pk,))
        return format_html('<a class="button small" href="{}">See it as it was sent</a>', address)

    @admin.display(description="Text")
    def shown_text(self, message: Message) -> SafeString:
        return shown_pre("Text", message.text)

    @admin.display(description="For the calendar")
    def shown_calendar(self, message: Message) -> SafeString | str:
        return shown_pre("For the calendar", message.calendar) if message.calendar else "–"

    @verb(
        "Try again",
        explanation="It is due at once, and counts its tries from the beginning.",
        when=lambda message: message.told < message.wanted and message.sent_at is None,
    )
    def try_again_now(self, request: HttpRequest, message: Message) -> str:
        return super().try_again_now(request, message)

    @verb(
        "Set aside",
        explanation="They know in another way, or need not know any more. Say how you know.",
        form=ReasonForm,
        when=lambda message: message.told < message.wanted,
    )
    def set_aside(self, request: HttpRequest, message: Message, *, reason: str) -> str:
        afterwards.set_aside(message_id=message.pk, reason=reason, by=request.user, now=timezone.now())
        return "It is set aside."

    @verb(
        "Stop this address",
        explanation="Nothing is sent to it any more. What would have to be sent asks for a person instead.",
        form=ReasonForm,
        when=lambda message: not suppression.is_suppressed(message.to),
        is_dangerous=True,
    )
    def stop(self, request: HttpRequest, message: Message, *, reason: str) -> str:
        suppression.suppress(
            address=message.to, cause=suppression.Cause.STAFF, reason=reason, by=request.user, now=timezone.now()
        )
        return "This address is not written to any more."


admin.site.register(Message, MessageAdmin)


class SuppressionViews(ListViews):
    """What holds comes first."""

    views = {
        "stopped": ("Not written to", lambda rows: rows.filter(lifted_at=None)),
        "lifted": ("Written to again", lambda rows: rows.exclude(lifted_at=None)),
    }


@admin.register(Suppression)
class SuppressionAdmin(WrittenByVerbs):
    """Addresses that are not written to."""

    list_display = ["address", "shown_cause", "shown_since", "who", "reason"]
    list_filter = [SuppressionViews, "cause"]
    search_fields = ["address"]
    search_help_text = "E-mail"
    fields = ["address", "shown_cause", "shown_since", "who", "reason", "lifted", "lift_reason"]
    verbs = ["lift"]
    empty_text = "Every address is written to."

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) and not limited_to_own(request)

    @admin.display(description="Why", ordering="cause")
    def shown_cause(self, row: Suppression) -> SafeString:
        return badge(row.get_cause_display(), BAD if row.lifted_at is None else PLAIN)

    @admin.display(description="Since", ordering="since")
    def shown_since(self, row: Suppression) -> str:
        return clinic_time(row.since)

    @admin.display(description="By")
    def who(self, row: Suppression) -> str:
        return str(row.by or "Told by the mail service")

    @admin.display(description="Written to again")
    def lifted(self, row: Suppression) -> str:
        return f"{row.lifted_by}, {clinic_time(row.lifted_at)}" if row.lifted_at else "–"

    @verb(
        "Write to it again",
        explanation="Only when somebody made sure that it is right. What was not sent is tried again one by one.",
        form=ReasonForm,
        when=lambda row: row.lifted_at is None,
    )
    def lift(self, request: HttpRequest, row: Suppression, *, reason: str) -> str:
        suppression.lift(suppression_id=row.pk, reason=reason, by=request.user, now=timezone.now())
        return f"{row} is written to again."
