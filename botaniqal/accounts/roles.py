"""Who may do what: the roles as one table of strings, applied after every migrate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps

if TYPE_CHECKING:  # the table is wired up before there are models
    from botaniqal.accounts.models import User

CONSULTANT = "consultant"
ADMINISTRATOR = "administrator"

_READ_THE_CLINIC = [
    "services.view_service",
    "services.view_appointmenttype",
    "services.view_price",
    "practitioners.view_practitioner",
    "practitioners.view_workinghours",
    "practitioners.view_timeoff",
    "practitioners.view_room",
    "practitioners.view_busyperiod",
    "practitioners.view_diaryentry",
    "practitioners.view_calendlyeventtype",
]
_KEEP_THE_WORDING = [
    "wording.approve_wording",
    "wording.view_approval",
    "wording.view_riskyword",
    "wording.add_riskyword",
    "wording.change_riskyword",
    "mail.view_messagewords",
]
_READ_THE_BOOKINGS = [
    "bookings.view_patient",
    "bookings.view_booking",
    "bookings.view_payment",
    "bookings.view_syncrecord",
    "bookings.view_formanswers",
    "bookings.view_figures",
    "mail.view_message",
    "bookings.view_consent",
    "bookings.view_consentwording",
    "bookings.view_identitycheck",
    "bookings.view_detailproposal",
    "bookings.view_patientmerge",
    "bookings.view_cancelreason",
    "triage.view_triagesession",
    "triage.view_callevent",
    "triage.view_answer",
    "triage.view_disposition",
    "triage.view_override",
    "triage.view_script",
    "triage.view_redflag",
    "triage.view_handover",
    "triage.view_referralletter",
]

_RUN_THE_CLINIC = [
    *_READ_THE_CLINIC,
    *_READ_THE_BOOKINGS,
    *_KEEP_THE_WORDING,
    "reports.view_reports",
    "services.add_service",
    "services.change_service",
    "services.delete_service",
    "services.add_appointmenttype",
    "services.change_appointmenttype",
    "services.delete_appointmenttype",
    "services.view_form",
    "services.add_form",
    "services.change_form",
    "services.view_formversion",
    "services.change_formversion",
    "services.add_price",
    "services.change_price",
    "services.delete_price",
    "services.view_interestentry",
    "services.change_interestentry",
    "services.view_nurturestep",
    "services.add_nurturestep",
    "services.change_nurturestep",
    "services.delete_nurturestep",
    "practitioners.add_practitioner",
    "practitioners.change_practitioner",
    "practitioners.delete_practitioner",
    "practitioners.add_workinghours",
    "practitioners.change_workinghours",
    "practitioners.delete_workinghours",
    "practitioners.add_timeoff",
    "practitioners.change_timeoff",
    "practitioners.delete_timeoff",
    "practitioners.add_room",
    "practitioners.change_room",
    "practitioners.delete_room",
    "practitioners.add_calendlyeventtype",
    "practitioners.change_calendlyeventtype",
    "practitioners.delete_calendlyeventtype",
    "practitioners.view_outsidecalendar",
    "practitioners.change_outsidecalendar",
    "bookings.add_patient",
    "bookings.change_patient",
    "bookings.add_booking",
    "bookings.change_booking",
    "bookings.charge_other_price",
    "bookings.change_payment",
    "bookings.change_syncrecord",
    "bookings.view_drift",
    "bookings.change_drift",
    "bookings.change_formanswers",
    "mail.change_message",
    "mail.view_messagereport",
    "mail.view_suppression",
    "mail.change_suppression",
    "mail.add_messagewords",
    "mail.change_messagewords",
    "mail.delete_messagewords",
    "bookings.end_visit",
    "bookings.decide_details",
    "bookings.add_cancelreason",
    "bookings.change_cancelreason",
    "bookings.view_earliertimerequest",
    "bookings.change_earliertimerequest",
    "bookings.view_freedtime",
    "bookings.change_freedtime",
    "bookings.view_earliertimeoffer",
    "bookings.change_earliertimeoffer",
    "bookings.view_checkout",
    "bookings.change_checkout",
    "bookings.view_refunddecision",
    "bookings.decide_refund",
    "bookings.view_refundrule",
    "bookings.add_refundrule",
    "bookings.change_refundrule",
    "bookings.delete_refundrule",
    "bookings.view_dispute",
    "bookings.view_moneyday",
    "bookings.change_moneyday",
    "bookings.add_consentwording",
    "bookings.change_consentwording",
    "triage.change_triagesession",
    "triage.go_beyond_rules",
    "triage.add_disposition",
    "triage.change_disposition",
    "triage.add_script",
    "triage.change_script",
    "triage.add_question",
    "triage.change_question",
    "triage.delete_question",
    "triage.view_question",
    "integrations.view_inboundevent",
    "integrations.change_inboundevent",
    "integrations.view_subscription",
    "integrations.change_subscription",
    "integrations.view_incident",
    "integrations.change_incident",
    "alerts.view_alertrule",
]
_KEEP_THE_RULES = ["alerts.add_alertrule", "alerts.change_alertrule"]

ROLES: dict[str, list[str]] = {
    CONSULTANT: [
        *_READ_THE_CLINIC,
        *_READ_THE_BOOKINGS,
        "bookings.add_patient",
        "bookings.change_patient",
        "bookings.add_booking",
        "bookings.change_booking",
        "triage.add_triagesession",
        "triage.change_triagesession",
        "reports.view_own_calls",
    ],
    "operations": _RUN_THE_CLINIC,
    "management": [  # and no patient by name
        *_READ_THE_CLINIC,
        *_KEEP_THE_WORDING,
        "bookings.view_figures",
        "bookings.view_moneyday",
        "bookings.change_moneyday",
        "reports.view_reports",
        "reports.view_money",
        "integrations.view_incident",
        "integrations.change_incident",
        "alerts.view_alertrule",
        *_KEEP_THE_RULES,
    ],
    "clinician": [
        *_READ_THE_CLINIC,
        "bookings.view_patient",
        "bookings.view_booking",
        "bookings.view_formanswers",
        "bookings.end_visit",
        "services.view_form",
        "services.view_formversion",
        "triage.view_script",
        "triage.view_question",
        "triage.approve_script",
        "triage.view_redflag",
        "triage.change_redflag",
        "triage.clear_redflag",
        "triage.view_handover",
        "triage.change_handover",
        "reports.view_own_visits",
    ],
    ADMINISTRATOR: [
        *_RUN_THE_CLINIC,
        *_KEEP_THE_RULES,
        "accounts.view_user",
        "accounts.add_user",
        "accounts.change_user",
        "auth.view_group",
        "reports.view_money",
    ],
}

# What a role may do by API; the words and their order are the token's.
CLAIMS: dict[str, list[str]] = {
    CONSULTANT: ["triage:read", "triage:update", "booking:create", "practitioner:availability"],
    "operations": ["practitioner:availability"],
    "management": ["practitioner:availability"],
    "clinician": ["practitioner:availability"],
    ADMINISTRATOR: ["practitioner:availability"],
}


def roles_of(user: User) -> list[str]:
    """List a person's roles, in the table's order."""
    names = set(user.groups.values_list("name", flat=True))
    if user.is_superuser:
        names.add(ADMINISTRATOR)
    return in_order(names)


def in_order(names: Iterable[str]) -> list[str]:
    """Keep what is a role, in the table's order."""
    return [role for role in ROLES if role in set(names)]


def claims_of(roles: Iterable[str]) -> list[str]:
    """List what these roles may do by API, each once."""
    return list(dict.fromkeys(claim for role in roles for claim in CLAIMS[role]))


def apply_roles(sender: AppConfig, *, using: str, apps: Apps = installed_apps, **kwargs: object) -> None:
    """
    Give each role's group exactly the table's permissions of the app that was just migrated.

    App by app, since an app's permissions exist only after its own turn; Django's own receiver makes them before this.
    """
    try:
        group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:  # migrated back to before there were groups
        return
    group_model.objects.using(using).bulk_create([group_model(name=role) for role in ROLES], ignore_conflicts=True)
    groups = dict(group_model.objects.using(using).filter(name__in=ROLES).values_list("name", "pk"))
    permissions = dict(
        permission_model.objects.using(using).filter(content_type__app_label=sender.label).values_list("codename", "pk")
    )
    wanted = {
        (groups[role], permissions[codename])
        for role, strings in ROLES.items()
        for app_label, _, codename in (string.partition(".") for string in strings)
        if app_label == sender.label and codename in permissions
    }
    through = group_model.permissions.through
    rows = through.objects.using(using).filter(
        group_id__in=groups.values(), permission__content_type__app_label=sender.label
    )
    present = {(row.group_id, row.permission_id): row.pk for row in rows}
    rows.filter(pk__in=[pk for pair, pk in present.items() if pair not in wanted]).delete()
    through.objects.using(using).bulk_create(
        [through(group_id=group, permission_id=permission) for group, permission in sorted(wanted - present.keys())],
        ignore_conflicts=True,
    )
