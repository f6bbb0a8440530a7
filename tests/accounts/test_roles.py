import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from botaniqal.accounts import roles
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

KNOWN_TO_THE_SEED = ["triage:read", "triage:update", "booking:create", "practitioner:availability"]


def strings_of(group: Group) -> set[str]:
    return {f"{p.content_type.app_label}.{p.codename}" for p in group.permissions.select_related("content_type")}


def migrate_everything():
    for app in apps.get_app_configs():
        roles.apply_roles(app, using="default")


class TestApplyRoles:
    @pytest.mark.parametrize("role", roles.ROLES)
    def test_gives_each_group_exactly_the_tables_permissions(self, role):
        group = Group.objects.get(name=role)

        assert strings_of(group) == set(roles.ROLES[role])

    def test_takes_back_what_the_table_does_not_name(self):
        group = Group.objects.get(name="management")
        group.permissions.add(Permission.objects.get(codename="delete_booking"))

        migrate_everything()

        assert strings_of(group) == set(roles.ROLES["management"])

    def test_gives_again_what_was_taken_away(self):
        group = Group.objects.get(name="operations")
        group.permissions.clear()

        migrate_everything()

        assert strings_of(group) == set(roles.ROLES["operations"])

    def test_leaves_groups_alone_that_are_no_roles(self):
        other = Group.objects.create(name="night shift")
        other.permissions.add(Permission.objects.get(codename="view_booking"))

        migrate_everything()

        assert strings_of(other) == {"bookings.view_booking"}


class TestTable:
    def test_names_no_permission_that_does_not_exist(self):
        named = {string for strings in roles.ROLES.values() for string in strings}

        existing = {
            f"{app}.{codename}"
            for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
        }

        assert named - existing == set()

    def test_has_claims_for_every_role(self):
        assert set(roles.CLAIMS) == set(roles.ROLES)


class TestClaimsOf:
    def test_gives_a_consultant_what_the_token_has_always_held(self):
        assert roles.claims_of(["consultant"]) == KNOWN_TO_THE_SEED

    def test_names_each_claim_once(self):
        assert roles.claims_of(["consultant", "operations"]) == KNOWN_TO_THE_SEED


class TestRolesOf:
    def test_keeps_the_tables_order(self):
        user = UserFactory(roles=["operations", "consultant"])

        assert roles.roles_of(user) == ["consultant", "operations"]

    def test_counts_a_superuser_as_administrator(self):
        user = UserFactory(is_superuser=True)

        assert roles.roles_of(user) == ["administrator"]
