"""The reasons for cancelling, for the operations who manage them."""

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from botaniqal.admin import OK, PLAIN, PortalAdmin, badge

from .models import CancelReason


class WordAdmin(PortalAdmin):
    """Words that staff choose from: sorted by hand, switched off instead of deleted once they were used."""

    prepopulated_fields = {"code": ["label"]}
    used_by = ""
    """By what the word is used."""

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        relation = self.model._meta.get_field(self.used_by)
        uses = relation.related_model.objects.filter(
            **{relation.field.name: OuterRef(relation.field.target_field.name)}
        )
        return super().get_queryset(request).annotate(is_used=Exists(uses))

    def get_prepopulated_fields(self, request: HttpRequest, obj=None) -> dict:
        # A code stands in figures and in the API: it must not follow the words.
        return {} if obj else self.prepopulated_fields

    def get_readonly_fields(self, request: HttpRequest, obj=None) -> list[str]:
        return ["code"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        is_unused = obj is None or not getattr(obj, self.used_by).exists()
        return is_unused and super().has_delete_permission(request, obj)

    @admin.display(description="Offered", ordering="is_active")
    def shown_active(self, word) -> SafeString:
        return badge("Offered", OK) if word.is_active else badge("Off", PLAIN)

    @admin.display(description="Used", ordering="is_used")
    def shown_use(self, word) -> str:
        return "Yes" if word.is_used else "Not yet"


@admin.register(CancelReason)
class CancelReasonAdmin(WordAdmin):
    """Why visits are called off."""

    used_by = "bookings"
    list_display = ["label", "position", "shown_active", "asks_for_detail", "is_for_patients", "shown_use"]
    list_editable = ["position"]
    fields = ["label", "code", "position", "asks_for_detail", "is_for_patients", "is_active"]
    search_fields = ["label"]
    search_help_text = "Reason"
    empty_text = "No reason yet. Without any, whoever cancels a booking has to say why in own words."
