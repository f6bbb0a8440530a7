"""People who log in, and what they may do."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import Field
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from botaniqal.admin import OK, PLAIN, PortalAdmin, WrittenByVerbs, badge, clinic_time

from .models import User

admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(PortalAdmin, UserAdmin):
    """A person, the role, and whether the login is open."""

    list_display = ["email", "full_name", "shown_roles", "shown_active", "logged_in"]
    list_filter = ["groups", "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    search_help_text = "Name or e-mail"
    ordering = ["email"]
    filter_horizontal = []
    readonly_fields = ["logged_in", "joined"]
    add_form = UserCreationForm
    add_form_template = None
    add_fieldsets = [
        (
            None,
            {
                "fields": ["email", "first_name", "last_name", "password1", "password2"],
                "description": "What the person may do is chosen on the next page.",
            },
        )
    ]
    empty_text = "Nobody here. Add the people who work with the portal."
    words = {
        "is_active": ("Login open", "Take it away from somebody who leaves; what they did stays on record."),
        "is_staff": ("Staff", "Only staff can log in to the portal."),
        "groups": ("Roles", "What the person may do."),
        "is_superuser": ("Everything", "May do everything, whatever the roles say."),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> list:
        if obj is None:
            return self.add_fieldsets
        rights = ["is_active", "is_staff", "groups"]
        # Only somebody who may do everything can let somebody else do everything.
        if request.user.is_superuser:
            rights.append("is_superuser")
        return [
            (None, {"fields": ["email", "password", "first_name", "last_name"]}),
            ("Rights", {"fields": rights}),
            ("Dates", {"fields": ["logged_in", "joined"]}),
        ]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        """Say it in the clinic's words instead of Django's."""
        if db_field.name in self.words:
            kwargs["label"], kwargs["help_text"] = self.words[db_field.name]
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # A login is closed, not deleted: whatever the person did keeps the name.
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or request.user.is_superuser or not obj.is_superuser)

    @admin.display(description="Name", ordering="first_name")
    def full_name(self, person: User) -> str:
        return person.get_full_name() or "–"

    @admin.display(description="Last login", ordering="last_login")
    def logged_in(self, person: User) -> str:
        return clinic_time(person.last_login)

    @admin.display(description="Added", ordering="date_joined")
    def joined(self, person: User) -> str:
        return clinic_time(person.date_joined)

    @admin.display(description="Role")
    def shown_roles(self, person: User) -> str:
        names = [group.name.capitalize() for group in person.groups.all()]
        return ", ".join(["Everything"] if person.is_superuser else names) or "–"

    @admin.display(description="Login", ordering="is_active")
    def shown_active(self, person: User) -> str:
        return badge("Open", OK) if person.is_active else badge("Closed", PLAIN)


@admin.register(Group)
class RoleAdmin(WrittenByVerbs, GroupAdmin):
    """A role, as the table in the code has it."""

    fields = ["name", "rights"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).prefetch_related("permissions")

    @admin.display(description="Rights")
    def rights(self, role: Group) -> SafeString:
        rows = ((right.name.removeprefix("Can "),) for right in role.permissions.all())
        return format_html('<ul class="plain">{}</ul>', format_html_join("", "<li>{}</li>", rows))
