"""Messages for people: what went out, what did not, and why."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from botaniqal.admin import clinic_time, limited_to_own
from botaniqal.integrations.admin import OwedAdmin, OwedViews

from .models import Message


@admin.register(Message)
class MessageAdmin(OwedAdmin):
    """E-mails to patients and staff."""

    list_display = ["kind", "to", "subject", "shown_state", "shown_problem", "written", "sent"]
    list_filter = [OwedViews, "kind"]
    search_fields = ["to", "subject"]
    search_help_text = "E-mail or subject"
    fields = ["kind", "to", "subject", "shown_state", "shown_problem", "written", "sent", "text"]
    empty_text = "Every message went out. “All” shows them."
    done_word = "Sent"

    @admin.display(description="Written", ordering="created_at")
    def written(self, message: Message) -> str:
        return clinic_time(message.created_at)

    @admin.display(description="Sent", ordering="sent_at")
    def sent(self, message: Message) -> str:
        return clinic_time(message.sent_at)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # A message belongs to a booking by a plain reference, so it cannot be told whose patient it is about.
        return super().has_view_permission(request, obj) and not limited_to_own(request)
