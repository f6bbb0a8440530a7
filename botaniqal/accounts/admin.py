"""People who log in, and what they may do."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from botaniqal.admin import OK, PLAIN, PortalAdmin, WrittenByVerbs, badge

from .models import User

admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(PortalAdmin, UserAdmin):
    """A person, the role, and whether the login is open."""

    list_display = ["email", "full_name", "shown_roles", "shown_active", "last_login"]
    list_filter = ["groups", "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    search_help_text = "Name or e-mail"
    ordering = ["email"]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined"]
    add_fieldsets = [
        (None, {"fields": ["email", "first_name", "last_name", "usable_password", "password1", "password2"]})
    ]
    empty_text = "Nobody here. Try another filter."

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
            ("Dates", {"fields": ["last_login", "date_joined"]}),
        ]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or request.user.is_superuser or not obj.is_superuser)

    @admin.display(description="Name", ordering="first_name")
    def full_name(self, person: User) -> str:
        return person.get_full_name() or "–"

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

    fields = ["name", "permissions"]
