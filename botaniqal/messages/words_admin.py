"""The clinic's words in e-mails for people: drafts are written, looked at with made-up facts, and approved."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import OK, PLAIN, WAITING, ListViews, PortalAdmin, badge, clinic_time, verb
from botaniqal.wording import gate
from botaniqal.wording.admin import ApprovalForm

from . import samples, words
from .models import Message, MessageWords
from .showing import shown_pre

State = MessageWords.State
TONES = {State.DRAFT: WAITING, State.IN_USE: OK, State.RETIRED: PLAIN}
# As in a mail program: its own looks, and nothing that runs, is sent or is fetched from elsewhere.
AS_SENT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"


def as_sent(html: str) -> HttpResponse:
    """Show an e-mail as a mail program does, on a page where nothing of it can run."""
    return HttpResponse(html, headers={"Content-Security-Policy": AS_SENT})


class WordsForm(forms.ModelForm):
    """A draft, with what is wrong with it said at once."""

    class Meta:
        model = MessageWords
        fields = list(words.TEXTS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & {"opening", "closing"}:
            self.fields[name].widget.attrs.update(rows=4, maxlength=words.LONGEST[name])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name, sentences in words.faults(self.instance.kind, **{n: cleaned.get(n, "") for n in words.TEXTS}).items():
            if name not in self.errors:
                self.add_error(name, sentences)
        return cleaned


class KindForm(forms.Form):
    """In which e-mail something is to be said."""

    kind = forms.ChoiceField(label="E-mail", choices=words.EDITABLE)


class WordsViews(ListViews):
    """What is said now comes first."""

    views = {
        "now": ("In use and drafts", lambda rows: rows.exclude(state=State.RETIRED)),
        "all": ("All versions", lambda rows: rows),
    }


@admin.register(MessageWords)
class MessageWordsAdmin(PortalAdmin):
    """What the clinic says in its e-mails, as versions."""

    form = WordsForm
    change_list_template = "mail/words_list.html"
    list_display = ["shown_name", "shown_state", "begins", "approval"]
    list_display_links = ["shown_name"]
    list_filter = [WordsViews, "kind"]
    fields = ["shown_state", "approval", "look", "subject", "opening", "closing", "braces", "doubts", "shown_text"]
    readonly_fields = ["shown_state", "approval", "look", "braces", "doubts", "shown_text"]
    verbs = ["approve", "copy", "retire"]
    empty_text = "Every e-mail says what the portal says by itself. Add words of your own to one."

    def get_urls(self) -> list:
        """Put the pages that show e-mails before Django's own."""
        view = self.admin_site.admin_view
        return [
            path("samples/", view(self.list_samples), name="mail_messagewords_samples"),
            path("samples/<slug:kind>/<slug:part>/", view(self.show_sample), name="mail_messagewords_sample"),
            path("<int:words_id>/preview/", view(self.preview), name="mail_messagewords_preview"),
            *super().get_urls(),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return (obj is None or obj.state == State.DRAFT) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return obj is not None and obj.state == State.DRAFT and super().has_delete_permission(request, obj)

    def may_use(self, request: HttpRequest, row: Model, name: str) -> bool:
        """What people read is approved by whoever may approve all of it."""
        return request.user.has_perm(gate.RIGHT if name == "approve" else "mail.change_messagewords")

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Begin with a draft right away: which e-mail it is for is asked first, and does not change."""
        if not self.has_add_permission(request):
            return super().add_view(request, *args, **kwargs)
        form = KindForm(request.POST if request.method == "POST" else None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            draft = words.begin(kind=form.cleaned_data["kind"], by=request.user, now=timezone.now())
            return redirect(self.change_url(draft))
        context = {**self.admin_site.each_context(request), "title": "Words for an e-mail", "form": form}
        return TemplateResponse(request, "mail/words_new.html", context)

    def preview(self, request: HttpRequest, words_id: int) -> HttpResponse:
        """Show an e-mail with these words and made-up facts."""
        row = self.get_object(request, str(words_id))
        if row is None or not self.has_view_permission(request, row):
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(words_id))
        return as_sent(samples.rendered(Message.Kind(row.kind), words=row).html)

    def list_samples(self, request: HttpRequest) -> HttpResponse:
        """List every e-mail that the portal sends, to be looked at."""
        if not self.has_view_permission(request):
            raise Http404
        shown = [(kind, samples.rendered(kind).subject, kind in words.PLACEHOLDERS) for kind in Message.Kind]
        context = {**self.admin_site.each_context(request), "title": "Every e-mail", "kinds": shown}
        return TemplateResponse(request, "mail/samples.html", context)

    def show_sample(self, request: HttpRequest, kind: str, part: str) -> HttpResponse:
        """Show one e-mail with made-up facts and the words that are in use, as HTML or as text."""
        if not self.has_view_permission(request) or kind not in Message.Kind.values or part not in ("html", "text"):
            raise Http404
        shown = samples.rendered(Message.Kind(kind))
        return as_sent(shown.html) if part == "html" else HttpResponse(shown.text, content_type="text/plain")

    @admin.display(description="E-mail", ordering="kind")
    def shown_name(self, row: MessageWords) -> str:
        return str(row)

    @admin.display(description="State", ordering="state")
    def shown_state(self, row: MessageWords) -> SafeString:
        return badge(row.get_state_display(), TONES[row.state])

    @admin.display(description="Begins")
    def begins(self, row: MessageWords) -> str:
        return (row.opening or row.subject or row.closing)[:80] or "–"

    @admin.display(description="Approved")
    def approval(self, row: MessageWords) -> str:
        return f"{row.approved_by} on {clinic_time(row.approved_at)}" if row.approved_at else "–"

    @admin.display(description="Preview")
    def look(self, row: MessageWords) -> SafeString:
        address = reverse("admin:mail_messagewords_preview", args=(row.pk,))
        return format_html('<a class="button small" href="{}">See it with made-up facts</a>', address)

    @admin.display(description="In braces")
    def braces(self, row: MessageWords) -> SafeString | str:
        known = words.PLACEHOLDERS.get(row.kind, {}).items()
        rows = format_html_join("", "<dt>{{{}}}</dt><dd>{}</dd>", known)
        return format_html("<dl>{}</dl>", rows) if known else "Nothing can stand in braces here."

    @admin.display(description="Risky words")
    def doubts(self, row: MessageWords) -> SafeString | str:
        found = [(each.words, each.why) for name in words.TEXTS for each in gate.findings(getattr(row, name))]
        if not found:
            return "None."
        return format_html("<ul>{}</ul>", format_html_join("", "<li>“{}”: {}</li>", dict.fromkeys(found)))

    @admin.display(description="As text")
    def shown_text(self, row: MessageWords) -> SafeString:
        shown = samples.rendered(Message.Kind(row.kind), words=row)
        return shown_pre("As text", f"{shown.subject}\n\n{shown.text}")

    @verb(
        "Approve",
        explanation="E-mails that are written from now on say this. It cannot be changed any more.",
        form=ApprovalForm,
        when=lambda row: row.state == State.DRAFT,
    )
    def approve(self, request: HttpRequest, row: MessageWords, *, reason: str) -> str:
        words.approve(words_id=row.pk, reason=reason, by=request.user, now=timezone.now())
        return f"{row} is in use now."

    @verb(
        "New draft of it",
        explanation="A copy of what is in use that can be changed; e-mails go on as they are meanwhile.",
        when=lambda row: row.state == State.IN_USE,
    )
    def copy(self, request: HttpRequest, row: MessageWords) -> str:
        draft = words.begin(kind=row.kind, by=request.user, now=timezone.now())
        return f"{draft} is a draft now."

    @verb(
        "Take out of use",
        explanation="E-mails that are written from now on say what the portal says by itself.",
        when=lambda row: row.state == State.IN_USE,
    )
    def retire(self, request: HttpRequest, row: MessageWords) -> str:
        words.retire(words_id=row.pk, by=request.user, now=timezone.now())
        return f"{row} is out of use."
