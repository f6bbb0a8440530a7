"""The portal's admin: its site, the base of its pages, and verbs that open as dialogs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst

from botaniqal.accounts import roles
from botaniqal.errors import DomainError
from botaniqal.forms import InlineForm, PlainFields, WithPhone, kept_phone
from botaniqal.lists import BoundedPaginator
from botaniqal.shown import BAD, INFO, OK, PLAIN, WAITING, badge, clinic_time, shown_length, shown_phone

__all__ = [
    "BACK",
    "BAD",
    "INFO",
    "OK",
    "PLAIN",
    "WAITING",
    "ListViews",
    "LoginForm",
    "PortalAdmin",
    "PortalInline",
    "PortalSite",
    "ShownInline",
    "Verb",
    "WithPhone",
    "WrittenByVerbs",
    "badge",
    "clinic_time",
    "kept_phone",
    "limited_to_own",
    "shown_length",
    "shown_phone",
    "verb",
]
"""What an app's admin is made of, wherever it lives."""

BACK = "back"
"""What names in a verb's address the page from which it is used."""


def limited_to_own(request: HttpRequest) -> bool:
    """
    Tell whether a person sees own calls, visits and patients alone: consultants and clinicians do.

    A further role that sees no patients, as management's, widens nothing.
    """
    held = set(roles.roles_of(request.user))
    return held.isdisjoint({"operations", roles.ADMINISTRATOR}) and held != {"management"}


class LoginForm(AdminAuthenticationForm):
    """E-mail and password; which of them is wrong stays unsaid."""

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": "E-mail or password is wrong. Check both, or ask an administrator for a new password.",
    }


class PortalSite(admin.AdminSite):
    """Django's admin in the portal's own frame."""

    login_form = LoginForm
    inbound_handlers: Mapping[tuple[str, str], Callable[..., str]] = {}
    """Who works which vendor's message: the top floor knows."""

    site_title = "Botaniqal"
    site_header = "Botaniqal"
    index_title = "Today"
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Rows that matter are ended by a verb, not deleted by the dozen.
        self.disable_action("delete_selected")

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Show what a rule of the clinic refused: above the form that was sent, or as a page of its own."""

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if "%00" in request.META["QUERY_STRING"]:
                raise SuspiciousOperation("NUL in a query")  # Django's filters would ask the database for it
            try:
                return view(request, *args, **kwargs)
            except DomainError as refusal:
                if refusal.status == HTTPStatus.NOT_FOUND:
                    raise Http404(refusal.message) from refusal
                if request.method == "POST":
                    messages.error(request, refusal.message)
                    return redirect(request.get_full_path())
                context = {**self.each_context(request), "title": "This cannot be done", "reason": refusal.message}
                return TemplateResponse(request, "admin/refused.html", context, status=refusal.status)

        return super().admin_view(answer, cacheable)


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A button on a row's page that opens a dialog, asks for what it needs, and posts."""

    label: str
    explanation: str
    form: type[forms.Form]
    when: Callable[[Any], bool]
    is_dangerous: bool


def verb(
    label: str,
    *,
    explanation: str = "",
    form: type[forms.Form] = forms.Form,
    when: Callable[[Any], bool] = lambda row: True,
    is_dangerous: bool = False,
) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """
    Make a method of a model's admin a verb; name it in ``verbs`` to offer it.

    The method gets the request, the row and what the form asked for, and returns what to tell the person. Whoever may
    change such rows may use it.
    """

    def mark(method: Callable[..., str]) -> Callable[..., str]:
        method.verb = Verb(label=label, explanation=explanation, form=form, when=when, is_dangerous=is_dangerous)
        return method

    return mark


class ListViews(admin.SimpleListFilter):
    """Views of a list, shown as tabs above it; the first is the one that opens."""

    title = "view"
    parameter_name = "view"
    template = "admin/_tabs.html"
    is_tabs = True
    views: dict[str, tuple[str, Callable[[QuerySet], QuerySet]]] = {}

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _) in self.views.items()]

    def value(self) -> str:
        return super().value() or next(iter(self.views))

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() not in self.views:
            raise IncorrectLookupParameters
        return self.views[self.value()][1](queryset)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        first = next(iter(self.views))
        for name, label in self.lookup_choices:
            # The view that opens by itself needs no name; None takes it out of the address.
            wanted = {self.parameter_name: None if name == first else name}
            yield {
                "selected": self.value() == name,
                "query_string": changelist.get_query_string(wanted),
                "display": label,
            }


class PortalInline(PlainFields, admin.TabularInline):
    """Rows that belong to a row, edited with it."""

    form = InlineForm
    extra = 0


class ShownInline(PortalInline):
    """Rows that belong to a row, shown with it and changed elsewhere."""

    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PortalAdmin(PlainFields, admin.ModelAdmin):
    """A model's pages in the portal."""

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    paginator = BoundedPaginator
    actions_selection_counter = True
    save_on_top = False
    view_on_site = False
    empty_value_display = "–"
    verbs: list[str] = []
    empty_text = "Nothing here."

    def get_urls(self) -> list:
        """Put the verbs before the catch-all of Django's change page."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_verb"
        view = self.admin_site.admin_view(self.verb_view)
        return [path("<path:object_id>/do/<slug:name>/", view, name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Name the list by what it lists."""
        context = {
            "title": capfirst(self.opts.verbose_name_plural),
            "empty_text": self.empty_text,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[type[PortalInline]]:
        """Leave out of a new row's page what only shows what came of it."""
        return [inline for inline in self.inlines if obj or not issubclass(inline, ShownInline)]

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> type[forms.BaseModelFormSet]:
        """Say aloud what is edited in a list, where only the column's head shows it."""
        formset = super().get_changelist_formset(request, **kwargs)
        for field in formset.form.base_fields.values():
            field.widget.attrs["aria-label"] = field.label
        return formset

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any):
        """Offer the verbs that the person may use on this row now."""
        row = kwargs.get("obj")
        context["adminform"].form.label_suffix = ""
        context["verbs"] = [] if row is None else list(self.verbs_for(request, row))
        context["subtitle"] = row and self.name_of(row)
        return super().render_change_form(request, context, *args, **kwargs)

    def name_of(self, row: Model) -> str:
        """Name a row's page."""
        return str(row)

    def get_action_choices(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Offer what can be done with several rows under a word, not under dashes."""
        return super().get_action_choices(request, [("", "Choose…")])

    def verbs_for(self, request: HttpRequest, row: Model) -> Iterator[dict[str, Any]]:
        """Give each verb of the row with its address."""
        for name in self.verbs:
            offered: Verb = getattr(self, name).verb
            if self.may_use(request, row, name) and offered.when(row):
                yield {"verb": offered, "url": self.verb_url(row, name)}

    def verb_form(self, request: HttpRequest, row: Model, name: str) -> forms.Form:
        """Make the form by which a verb asks; to be added to where what is offered depends on the row."""
        form = getattr(self, name).verb.form
        return form(request.POST if request.method == "POST" else None, label_suffix="")

    def may_use_verbs(self, request: HttpRequest) -> bool:
        """Verbs are for those who may change such rows, even where no form does."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def may_use(self, request: HttpRequest, row: Model, name: str) -> bool:
        """Tell whether somebody may use a verb on a row, for verbs that have a right of their own."""
        return self.may_use_verbs(request)

    def save_model(self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool) -> None:
        """Write only what was typed, so that a verb that ran meanwhile is not undone."""
        if not change:
            obj.save()
            return
        typed = [field.name for field in obj._meta.concrete_fields if field.name in form.changed_data]
        if typed:
            obj.save(update_fields=typed)

    def verb_of(self, row: Model, name: str) -> Verb:
        """Give a verb as it stands for a row: what it will do may depend on it."""
        return getattr(self, name).verb

    def verb_url(self, row: Model, name: str) -> str:
        """Where a verb's dialog is."""
        view = f"admin:{self.opts.app_label}_{self.opts.model_name}_verb"
        return reverse(view, args=(quote(row.pk), name), current_app=self.admin_site.name)

    def back_url(self, request: HttpRequest, row: Model) -> str:
        """Where to go after a verb: to the page of ours that the address names, else to the row's."""
        named = request.GET.get(BACK, "")
        is_ours = named.startswith("/") and url_has_allowed_host_and_scheme(named, allowed_hosts=None)
        return named if is_ours else self.change_url(row)

    def change_url(self, row: Model) -> str:
        """Where the row's page is."""
        view = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(view, args=(quote(row.pk),), current_app=self.admin_site.name)

    def message_user(self, request: HttpRequest, message: str, *args: Any, **kwargs: Any) -> None:
        """Tell what happened without Django's “successfully”."""
        super().message_user(request, type(message)(message.replace(" successfully", "")), *args, **kwargs)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Say what is missing without its id, which tells a person nothing."""
        messages.warning(request, f"This {opts.verbose_name} is not there, or is not yours to see.")
        return redirect(f"{self.admin_site.name}:index")

    def verb_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask what a verb needs, in a dialog or without JavaScript on a page; do it on POST alone."""
        row = self.get_object(request, unquote(object_id))
        if row is None or name not in self.verbs:
            raise Http404
        if not (self.has_view_permission(request, row) and self.may_use(request, row, name)):
            raise PermissionDenied
        asked, back = self.verb_of(row, name), self.back_url(request, row)
        if not asked.when(row):
            messages.warning(request, f"“{asked.label}” is no longer possible here.")
            return redirect(back)
        form = self.verb_form(request, row, name)
        if request.method == "POST" and form.is_valid():
            told = getattr(self, name)(request, row, **form.cleaned_data)
            self.log_change(request, row, asked.label)
            messages.success(request, told)
            return redirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": asked.label,
            "opts": self.opts,
            "original": row,
            "verb": asked,
            "form": form,
            "action": request.get_full_path(),
            "back": back,
        }
        is_dialog = request.headers.get("X-Fragment") == "dialog"
        return TemplateResponse(request, "admin/_verb.html" if is_dialog else "admin/verb.html", context)


class WrittenByVerbs(PortalAdmin):
    """Rows that come and go by verbs alone: shown, never added, typed into or deleted."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
