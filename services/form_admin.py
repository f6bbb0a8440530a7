"""Forms for the people who write them: versions are drafted, looked at, compared and published."""

from typing import Any

from django import forms as django_forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.postgres.aggregates import StringAgg
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import OK, PLAIN, WAITING, PortalAdmin, ShownInline, WrittenByVerbs, badge, clinic_time, verb
from botaniqal.bell_admin import RingsCatalogueCheck
from botaniqal.cards import validate_none
from botaniqal.errors import DomainError
from botaniqal.wording import gate
from botaniqal.wording.admin import ApprovalForm

from . import form_editor, form_questions, form_reading, form_schema, forms
from .models import Form, FormVersion, Service

State = FormVersion.State
TONES = {State.DRAFT: WAITING, State.IN_USE: OK, State.RETIRED: PLAIN}


def state_badge(version: FormVersion) -> SafeString:
    """Show where a version stands."""
    return badge(version.get_state_display(), TONES[version.state])


def approval(version: FormVersion) -> str:
    """Say who approved a version, and when."""
    if version.approved_at is None:
        return "–"
    who = version.approved_by and (version.approved_by.get_full_name() or str(version.approved_by))
    return f"{who or 'Came with the portal'}, {clinic_time(version.approved_at)}"


class ShownVersions(ShownInline):
    """The versions of a form, each a link to its page."""

    model = FormVersion
    fields = ["version", "shown_state", "shown_approval"]
    readonly_fields = ["shown_state", "shown_approval"]
    ordering = ["-version"]
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[FormVersion]:
        return super().get_queryset(request).select_related("form", "approved_by")

    @admin.display(description="State")
    def shown_state(self, version: FormVersion) -> SafeString:
        return state_badge(version)

    @admin.display(description="Approved")
    def shown_approval(self, version: FormVersion) -> str:
        return approval(version)


class NameForm(django_forms.ModelForm):
    """What a form is called, in words that patients may read at once, and which form at JotForm is the same."""

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        validate_none(name)
        if found := gate.findings(name):
            raise ValidationError([f"“{each.words}” cannot stand in a name. {each.why}" for each in found])
        return name

    def clean_jotform_id(self) -> str:
        jotform_id = self.cleaned_data["jotform_id"]
        if not jotform_id:
            return ""
        if jotform_id not in settings.JOTFORM_FORM_IDS:
            raise ValidationError("Forms of that number are not fetched. Have it added to JOTFORM_FORM_IDS first.")
        if Form.objects.exclude(pk=self.instance.pk).filter(jotform_id=jotform_id).exists():
            raise ValidationError("Another form has that number.")
        return jotform_id


@admin.register(Form)
class FormAdmin(RingsCatalogueCheck, PortalAdmin):
    """What patients are asked before a visit."""

    form = NameForm
    list_display = ["name", "shown_version", "asked_by", "jotform_id", "is_active"]
    fields = ["name", "slug", "jotform_id", "is_active"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [ShownVersions]
    verbs = ["begin_draft"]
    empty_text = "No form yet. Add one, then begin its first version."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Form]:
        forms = super().get_queryset(request).prefetch_related("versions")
        return forms.annotate(asked_first=_asking("initial_form"), asked_later=_asking("followup_form"))

    def get_prepopulated_fields(self, request: HttpRequest, obj: Form | None = None) -> dict:
        return {} if obj else self.prepopulated_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Form | None = None) -> list[str]:
        # Answers are known by it.
        return ["slug"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Form | None = None) -> bool:
        return False

    @admin.display(description="Version")
    def shown_version(self, form: Form) -> SafeString:
        standing = [one for one in form.versions.all() if one.state != State.RETIRED]
        shown = ((one.version, state_badge(one)) for one in sorted(standing, key=lambda one: one.version))
        return format_html_join(" ", "{} {}", shown) or badge("Not asked", PLAIN)

    @admin.display(description="Asked by")
    def asked_by(self, form: Form) -> str:
        asking = [("first visits", form.asked_first), ("follow-ups", form.asked_later)]
        return "; ".join(f"{which}: {names}" for which, names in asking if names) or "–"

    @verb(
        "New draft",
        explanation="A copy of the version in use, to be changed. Patients see nothing of it until it is published.",
        when=lambda form: all(one.state != State.DRAFT for one in form.versions.all()),
    )
    def begin_draft(self, request: HttpRequest, form: Form) -> str:
        draft = forms.begin_draft(form_id=form.pk, by=request.user)
        return f"{draft} is a draft now. Open it below to change it."


@admin.register(FormVersion)
class FormVersionAdmin(RingsCatalogueCheck, WrittenByVerbs):
    """Versions of forms: a draft is changed on a page of its own, the others are only read."""

    list_display = ["shown_name", "shown_state", "shown_approval"]
    list_select_related = ["form", "approved_by"]
    fields = ["shown_state", "shown_approval", "links", "intro", "questions"]
    readonly_fields = ["shown_state", "shown_approval", "links", "questions"]
    verbs = ["publish", "retire"]
    empty_text = "No version yet."

    def get_urls(self) -> list:
        """Put the pages of a version before Django's own."""
        pages = {"edit": self.edit, "preview": self.preview, "compare": self.compare}
        own = [
            path(f"<int:version_id>/{name}/", self.admin_site.admin_view(view), name=f"services_formversion_{name}")
            for name, view in pages.items()
        ]
        return [*own, *super().get_urls()]

    def may_use(self, request: HttpRequest, row: FormVersion, name: str) -> bool:
        """What patients read is published by those who approve wording."""
        may_change = self.may_use_verbs(request)
        return request.user.has_perm(gate.RIGHT) if name == "publish" else may_change

    def verb_form(self, request: HttpRequest, version: FormVersion, name: str) -> django_forms.Form:
        form = super().verb_form(request, version, name)
        if name == "publish":
            text = forms.text_of(version, form_schema.read(version.schema)).text
            if found := gate.findings(text):
                form.fields["reason"].help_text = " ".join(f"“{each.words}”: {each.why}" for each in found)
        return form

    @admin.display(description="Version", ordering="form")
    def shown_name(self, version: FormVersion) -> str:
        return str(version)

    @admin.display(description="State", ordering="state")
    def shown_state(self, version: FormVersion) -> SafeString:
        return state_badge(version)

    @admin.display(description="Approved")
    def shown_approval(self, version: FormVersion) -> str:
        return approval(version)

    @admin.display(description="Look")
    def links(self, version: FormVersion) -> SafeString:
        names = {"preview": "As patients see it", "compare": "Compare with the version in use"}
        names = {"edit": "Change the questions" if version.state == State.DRAFT else "As JSON"} | names
        shown = ((_page(name, version), words) for name, words in names.items())
        buttons = format_html_join("", '<a class="button small" href="{}">{}</a>', shown)
        return format_html('<span class="row">{}</span>', buttons)

    @admin.display(description="Questions")
    def questions(self, version: FormVersion) -> SafeString | str:
        asked = form_schema.read(version.schema)
        kinds = (f"{form_questions.Kind(one.kind).label}{': ' if one.choices else ''}" for one in asked)
        lines = ((one.text, kind, ", ".join(one.choices)) for one, kind in zip(asked, kinds, strict=True))
        listed = format_html_join("", "<li>{}<br><small>{}{}</small></li>", lines)
        return format_html("<ol>{}</ol>", listed) if asked else "None yet."

    @verb(
        "Publish",
        explanation="Patients fill in this version from now on. It cannot be changed any more.",
        form=ApprovalForm,
        when=lambda version: version.state == State.DRAFT,
    )
    def publish(self, request: HttpRequest, version: FormVersion, *, reason: str) -> str:
        forms.publish(version_id=version.pk, reason=reason, by=request.user, now=timezone.now())
        return f"{version} is in use now."

    @verb(
        "Retire",
        explanation="The form is not asked any more until another version is published. What was begun may be ended.",
        when=lambda version: version.state == State.IN_USE,
        is_dangerous=True,
    )
    def retire(self, request: HttpRequest, version: FormVersion) -> str:
        forms.retire(version_id=version.pk, by=request.user, now=timezone.now())
        return f"{version} is asked no more."

    def edit(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Change a draft, as rows or as JSON; another version is only shown."""
        version = self._open(request, version_id)
        is_draft = version.state == State.DRAFT and self.may_use_verbs(request)
        is_json = request.GET.get("as") == "json" or not is_draft
        said = {
            "intro": version.intro,
            "json": form_editor.as_json(version.schema),
            "rows": form_editor.rows_of(form_schema.read(version.schema)),
            "mark": forms.mark_of(version),
        }
        if request.method == "POST":
            if not is_draft:
                raise PermissionDenied
            return self._save(request, version, is_json=is_json)
        return self._editor(request, version, said, is_json=is_json, is_draft=is_draft)

    def preview(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Show a version as patients will see it."""
        version = self._open(request, version_id)
        context = {
            "form": version.form,
            "version": version,
            "sections": form_reading.sections(form_schema.read(version.schema), {}),
            "is_preview": True,
            "back": self.change_url(version),
        }
        return render(request, "public/form.html", context)

    def compare(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Show what differs between a version and the one in use."""
        version = self._open(request, version_id)
        in_use = version.form.versions.in_use().first()
        told = []
        for name, old, new in forms.differences(in_use, version) if in_use else []:
            before, after = (form_editor.described(one) if one else {} for one in (old, new))
            lines = [(part, before.get(part, ""), after.get(part, "")) for part in before | after]
            told.append((new or old, bool(old), bool(new), [line for line in lines if line[1] != line[2]], name))
        context = {
            **self.admin_site.each_context(request),
            "title": f"{version} beside the version in use",
            "version": version,
            "in_use": in_use,
            "told": told,
            "is_same_intro": bool(in_use) and in_use.intro == version.intro,
            "is_same_order": bool(in_use) and _common_order(in_use, version),
            "back": self.change_url(version),
        }
        return TemplateResponse(request, "services/form_compare.html", context)

    def _save(self, request: HttpRequest, version: FormVersion, *, is_json: bool) -> HttpResponse:
        wish = request.POST.get("do", "save")
        said = {
            "intro": request.POST.get("intro", ""),
            "json": request.POST.get("json", ""),
            "rows": form_editor.rows_from(request.POST),
            "mark": request.POST.get("mark", ""),
        }
        if wish not in ("save", "preview"):
            said["rows"] = form_editor.rearrange(said["rows"], wish)
            return self._editor(request, version, said, is_json=False, is_draft=True)
        try:
            schema = (
                form_schema.parse(said["json"])
                if is_json
                else form_schema.write(form_editor.questions_of(said["rows"]))
            )
            forms.save_draft(
                version_id=version.pk, intro=said["intro"], schema=schema, former=said["mark"], by=request.user
            )
        except DomainError as refusal:
            return self._editor(request, version, said, is_json=is_json, is_draft=True, refusal=refusal)
        self.log_change(request, version, "Saved the draft")
        if wish == "preview":
            return redirect(_page("preview", version))
        messages.success(request, "The draft is saved. Patients see it once it is published.")
        return redirect(request.get_full_path())

    def _editor(
        self,
        request: HttpRequest,
        version: FormVersion,
        said: dict[str, Any],
        *,
        is_json: bool,
        is_draft: bool,
        refusal: DomainError | None = None,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{version}: questions",
            "version": version,
            **said,
            "is_json": is_json,
            "is_draft": is_draft,
            "refusal": refusal,
            "kinds": form_questions.Kind.choices,
            "deciding": form_editor.deciding(said["rows"]),
            "back": self.change_url(version),
            "preview": _page("preview", version),
        }
        status = refusal.status if refusal else None
        return TemplateResponse(request, "services/form_editor.html", context, status=status)

    def _open(self, request: HttpRequest, version_id: int) -> FormVersion:
        version = self.get_object(request, str(version_id))
        if version is None or not self.has_view_permission(request, version):
            raise PermissionDenied
        return version


def _asking(field: str) -> Subquery:
    """Name the services that ask for a form in a field of theirs."""
    services = Service.objects.filter(**{field: OuterRef("pk")}).values(field)
    return Subquery(services.annotate(names=StringAgg("name", ", ", order_by="name")).values("names"))


def _page(name: str, version: FormVersion) -> str:
    return reverse(f"admin:services_formversion_{name}", args=(version.pk,))


def _common_order(old: FormVersion, new: FormVersion) -> bool:
    """Tell whether the questions that both have stand in the same order."""
    before, after = old.schema["x-order"], new.schema["x-order"]
    return [name for name in before if name in after] == [name for name in after if name in before]
