"""What patients are asked to agree to, for the operations who word it."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from botaniqal.admin import OK, PLAIN, ListViews, Verb, WrittenByVerbs, badge, verb

from ..models import ConsentWording
from . import consents


class WordingForm(forms.Form):
    """What is read out, and whether a booking needs it."""

    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), label="What is read out, or shown")
    is_required = forms.BooleanField(required=False, label="Needed for a booking")


class NewWordingForm(WordingForm):
    """As above, for a kind."""

    field_order = ["kind", "text", "is_required"]
    kind = forms.ChoiceField(choices=ConsentWording.Kind.choices, label="Kind")


class WordingViews(ListViews):
    """What is asked now comes first."""

    views = {
        "current": ("In use", lambda rows: rows.filter(is_current=True)),
        "former": ("Former", lambda rows: rows.filter(is_current=False)),
    }


@admin.register(ConsentWording)
class ConsentWordingAdmin(WrittenByVerbs):
    """What patients are asked to agree to: a new version instead of a change."""

    list_display = ["kind", "version", "beginning", "is_required", "standing"]
    list_filter = [WordingViews]
    fields = ["kind", "version", "text", "is_required", "standing", "created_by"]
    verbs = ["new_version", "withdraw"]
    empty_text = "Nothing is asked. Add what a booking needs."

    def has_add_permission(self, request: HttpRequest, obj: ConsentWording | None = None) -> bool:
        return request.user.has_perm("bookings.add_consentwording")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Ask for a new wording on a page of its own, and publish it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewWordingForm(request.POST or None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            row = consents.publish(**form.cleaned_data, by=request.user, now=timezone.now())
            messages.success(request, f"{row} is in use.")
            return redirect(self.change_url(row))
        asked = Verb(label="New wording", explanation="", form=NewWordingForm, when=bool, is_dangerous=False)
        context = {**self.admin_site.each_context(request), "title": asked.label, "opts": self.opts, "verb": asked}
        back = reverse("admin:bookings_consentwording_changelist")
        return TemplateResponse(
            request, "admin/verb.html", {**context, "form": form, "action": request.path, "back": back}
        )

    @admin.display(description="Begins")
    def beginning(self, row: ConsentWording) -> str:
        return f"{row.text[:80]}…" if len(row.text) > 80 else row.text

    @admin.display(description="State")
    def standing(self, row: ConsentWording) -> SafeString:
        return badge("In use", OK) if row.is_current else badge("Former", PLAIN)

    def verb_form(self, request: HttpRequest, row: ConsentWording, name: str) -> forms.Form:
        """Begin with the present words."""
        form = super().verb_form(request, row, name)
        if name == "new_version":
            form.initial = {"text": row.text, "is_required": row.is_required}
        return form

    @verb(
        "New version",
        explanation="Asked from now on. What patients said to the former words stays with those.",
        form=WordingForm,
        when=lambda row: row.is_current,
    )
    def new_version(self, request: HttpRequest, row: ConsentWording, *, text: str, is_required: bool) -> str:
        new = consents.publish(kind=row.kind, text=text, is_required=is_required, by=request.user, now=timezone.now())
        return f"{new} is in use."

    @verb("Stop asking", explanation="What patients said stays.", when=lambda row: row.is_current, is_dangerous=True)
    def withdraw(self, request: HttpRequest, row: ConsentWording) -> str:
        consents.withdraw(wording_id=row.pk, by=request.user, now=timezone.now())
        return f"{row} is not asked any more."
