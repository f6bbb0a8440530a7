"""The script of the calls for people: drafts are edited, looked at and approved; red flags are answered."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal import cards
from botaniqal.admin import (
    BAD,
    INFO,
    OK,
    PLAIN,
    WAITING,
    ListViews,
    PortalAdmin,
    PortalInline,
    WrittenByVerbs,
    badge,
    clinic_time,
    shown_phone,
    verb,
)

from . import red_flags, scripts, wording
from .models import Question, RedFlag, Script

TONES = {Script.State.DRAFT: WAITING, Script.State.IN_USE: OK, Script.State.RETIRED: PLAIN}


class QuestionForm(forms.ModelForm):
    """A question as it is edited: answers one a line, and what is wrong with it said at once."""

    choices = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="One a line.")
    flags_on = forms.CharField(
        required=False,
        label="Red flag on",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One a line: yes, no, or a choice.",
    )

    class Meta:
        model = Question
        fields = [
            "position",
            "service",
            "code",
            "text",
            "hint",
            "kind",
            "choices",
            "is_required",
            "flags_on",
            "flag",
            "card_label",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("choices", "flags_on"):
            self.initial[name] = "\n".join(self.initial.get(name) or [])

    def clean_choices(self) -> list[str]:
        return _lines(self.cleaned_data["choices"])

    def clean_flags_on(self) -> list[str]:
        return _lines(self.cleaned_data["flags_on"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            asked = Question(**{name: cleaned.get(name) for name in ("kind", "choices", "flags_on")})
            if fault := scripts.fault_of(asked):
                raise forms.ValidationError(fault)
            if cleaned["flags_on"] and not cleaned["flag"]:
                self.add_error("flag", "Say in a few words what the red flag means.")
        return cleaned


class QuestionInline(PortalInline):
    """What is asked, in its order."""

    model = Question
    form = QuestionForm
    template = "admin/edit_inline/stacked.html"
    fieldsets = [
        (
            None,
            {
                "fields": ["text", ("kind", "service", "position", "is_required")],
            },
        ),
        (
            "Answers, red flag, hint, hand-over card",
            # One field a row: Django opens what is wrong for those alone.
            {"classes": ["collapse"], "fields": ["choices", "flags_on", "flag", "hint", "card_label", "code"]},
        ),
    ]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_draft(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_draft(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_draft(obj) and super().has_delete_permission(request, obj)


class ApprovalForm(forms.Form):
    """Whether doubtful words may stay."""

    accepts_warnings = forms.BooleanField(required=False, label="Questions with a warning may stay as they are")


@admin.register(Script)
class ScriptAdmin(PortalAdmin):
    """Versions of the script; the one in use is asked in every call that begins."""

    list_display = ["shown_version", "note", "shown_state", "approval", "asked"]
    list_display_links = ["shown_version"]
    fields = ["shown_state", "approval", "look", "note", "opening", "emergency_card", "doubts"]
    readonly_fields = ["shown_state", "approval", "look", "doubts"]
    inlines = [QuestionInline]
    verbs = ["approve", "copy"]
    empty_text = "No script yet. Add one, or load the first with the command load_script."

    class Media:
        css = {"all": ["stacked.css"]}

    def get_urls(self) -> list:
        """Put the preview before Django's own pages."""
        look = self.admin_site.admin_view(self.preview)
        return [path("<int:script_id>/preview/", look, name="triage_script_preview"), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return (obj is None or _is_draft(obj)) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def may_use(self, request: HttpRequest, row: Model, name: str) -> bool:
        """A version is approved by whoever is named for it; copies are for whoever writes them."""
        return request.user.has_perm({"approve": scripts.APPROVE, "copy": "triage.add_script"}[name])

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Note who wrote, where anything was changed, in the questions as well."""
        changed = super().construct_change_message(request, form, formsets, add)
        if changed:
            scripts.note_writer(script_id=form.instance.pk, by=request.user)
        return changed

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Begin with a draft of its own right away: a version number is not for people to give."""
        if not self.has_add_permission(request):
            return super().add_view(request, *args, **kwargs)
        if request.method == "POST":
            draft = scripts.make_draft(of=scripts.in_use(), by=request.user)
            return redirect(self.change_url(draft))
        context = {**self.admin_site.each_context(request), "title": "New version of the script"}
        return TemplateResponse(request, "triage/script_new.html", context)

    def preview(self, request: HttpRequest, script_id: int) -> HttpResponse:
        """Show a version as the desk will ask it."""
        script = self.get_object(request, str(script_id))
        if script is None or not self.has_view_permission(request, script):
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(script_id))
        questions = sorted(
            script.questions.select_related("service"), key=lambda one: (not one.flags_on, one.position, one.pk)
        )
        services = scripts.services_asked(script)
        parts = [("In every call", [one for one in questions if one.service_id is None])]
        parts += [(service.name, [one for one in questions if one.service_id == service.pk]) for service in services]
        context = {
            **self.admin_site.each_context(request),
            "title": f"{script} as it is asked",
            "script": script,
            "parts": [(name, [(one, wording.warnings(one.text)) for one in asked]) for name, asked in parts if asked],
            "yes_no": scripts.YES_NO,
            "back": self.change_url(script),
        }
        return TemplateResponse(request, "triage/script_preview.html", context)

    @admin.display(description="Version", ordering="version")
    def shown_version(self, script: Script) -> str:
        return str(script)

    @admin.display(description="State", ordering="state")
    def shown_state(self, script: Script) -> SafeString:
        return badge(script.get_state_display(), TONES[script.state])

    @admin.display(description="Approved")
    def approval(self, script: Script) -> str:
        if script.approved_by is None:
            return "–"
        return f"{script.approved_by.get_full_name() or script.approved_by} on {clinic_time(script.approved_at)}"

    @admin.display(description="Questions")
    def asked(self, script: Script) -> int:
        return script.questions.count()

    @admin.display(description="Preview")
    def look(self, script: Script) -> SafeString:
        address = reverse("admin:triage_script_preview", args=(script.pk,))
        return format_html('<a class="button small" href="{}">See it as the desk asks it</a>', address)

    @admin.display(description="Wording")
    def doubts(self, script: Script) -> SafeString | str:
        found = [(one.text, words) for one in script.questions.all() for words in wording.warnings(one.text)]
        if not found:
            return "Nothing leads the person."
        return format_html("<ul>{}</ul>", format_html_join("", "<li>“{}” {}</li>", found))

    @verb(
        "Approve",
        explanation="Calls that begin from now on ask this version. It cannot be changed any more.",
        form=ApprovalForm,
        when=lambda script: script.state == Script.State.DRAFT,
    )
    def approve(self, request: HttpRequest, script: Script, accepts_warnings: bool) -> str:
        scripts.approve(script_id=script.pk, accepts_warnings=accepts_warnings, by=request.user, now=timezone.now())
        return f"{script} is in use now."

    @verb(
        "New draft of it",
        explanation="A copy that can be changed; this version stays as it is.",
        when=lambda script: script.state != Script.State.DRAFT,
    )
    def copy(self, request: HttpRequest, script: Script) -> str:
        draft = scripts.make_draft(of=script, by=request.user)
        return f"{draft} is a draft now."


class FlagViews(ListViews):
    """What is up comes first."""

    views = {
        "up": ("Up", lambda rows: rows.up()),
        "all": ("All", lambda rows: rows),
    }


class ReasonForm(forms.Form):
    """Why the call may go on."""

    reason = forms.CharField(max_length=300, label="Why the call may go on", validators=[cards.validate_none])


@admin.register(RedFlag)
class RedFlagAdmin(WrittenByVerbs):
    """Red flags: what stops a call, and who answered it."""

    list_display = ["patient", "words", "raised", "shown_state", "to"]
    list_filter = [FlagViews]
    list_select_related = ["session__patient", "session__consultant", "escalated_to", "acknowledged_by", "cleared_by"]
    fields = [
        "patient",
        "phone",
        "call_of",
        "words",
        "asked",
        "raised",
        "shown_state",
        "to",
        "answered",
        "cleared",
        "clear_reason",
    ]
    verbs = ["acknowledge", "clear"]
    empty_text = "No red flag is up."

    def may_use_verbs(self, request: HttpRequest) -> bool:
        """Clinicians alone answer red flags."""
        return red_flags.is_clinician(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RedFlag]:
        rows = super().get_queryset(request)
        seen_by_all = request.user.has_perm(red_flags.CLEAR) or request.user.has_perm("triage.change_script")
        return rows if seen_by_all else rows.filter(session__consultant__user=request.user)

    @admin.display(description="Patient")
    def patient(self, flag: RedFlag) -> str:
        return flag.session.patient.name

    @admin.display(description="Phone")
    def phone(self, flag: RedFlag) -> str:
        return shown_phone(flag.session.patient.phone) or "–"

    @admin.display(description="Call of")
    def call_of(self, flag: RedFlag) -> str:
        return flag.session.consultant.name

    @admin.display(description="Asked and answered")
    def asked(self, flag: RedFlag) -> str:
        if flag.question is None:
            return "Raised by hand"
        given = flag.session.answers.filter(question=flag.question, is_current=True).first()
        answered = given.value if given and given.value else "no answer now"
        return f"{flag.question.text} {scripts.YES_NO.get(answered, answered)}"

    @admin.display(description="Raised", ordering="raised_at")
    def raised(self, flag: RedFlag) -> str:
        return clinic_time(flag.raised_at)

    @admin.display(description="State")
    def shown_state(self, flag: RedFlag) -> SafeString:
        if flag.cleared_at:
            return badge("Cleared", OK)
        if flag.acknowledged_at:
            return badge("A clinician looks after it", INFO)
        if red_flags.is_overdue(flag, timezone.now()):
            return badge("Not acknowledged in time", BAD)
        return badge("Waits for a clinician" if flag.escalated_at else "Up", BAD if not flag.escalated_at else WAITING)

    @admin.display(description="Brought to")
    def to(self, flag: RedFlag) -> str:
        return f"{flag.escalated_to}, {clinic_time(flag.escalated_at)}" if flag.escalated_to else "–"

    @admin.display(description="Acknowledged")
    def answered(self, flag: RedFlag) -> str:
        return _who(flag.acknowledged_by, flag.acknowledged_at)

    @admin.display(description="Cleared")
    def cleared(self, flag: RedFlag) -> str:
        return _who(flag.cleared_by, flag.cleared_at)

    @verb(
        "Acknowledge",
        explanation="You look after it. The call stays stopped until you clear it.",
        when=lambda flag: not flag.cleared_at and not flag.acknowledged_at,
    )
    def acknowledge(self, request: HttpRequest, flag: RedFlag) -> str:
        red_flags.acknowledge(flag_id=flag.pk, by=request.user, now=timezone.now())
        return "The consultant sees that you look after it."

    @verb(
        "Clear",
        explanation="The call can go on and lead to a booking.",
        form=ReasonForm,
        when=lambda flag: not flag.cleared_at,
        is_dangerous=True,
    )
    def clear(self, request: HttpRequest, flag: RedFlag, reason: str) -> str:
        red_flags.clear(flag_id=flag.pk, reason=reason, by=request.user, now=timezone.now())
        return "The red flag is cleared. The call can go on."


def _who(person: Any, moment: Any) -> str:
    return f"{person.get_full_name() or person} on {clinic_time(moment)}" if person else "–"


def _is_draft(script: Model | None) -> bool:
    return script is not None and script.state == Script.State.DRAFT


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
