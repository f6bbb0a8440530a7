"""
The database writes down by itself what changed of the rows that figures are counted from.

Each trigger is told by name which columns it watches, so that any other change costs nothing; and it writes moments and
keys alone, so that nobody waits for anybody and what else is touched is looked up later.
"""

from django.db import migrations

ALL_TIME = "('-infinity'::timestamptz, now(), NULL::uuid, NULL::uuid)"
# Buffers lean out of a visit on both sides.
OF_BOOKING = """
    ({row}.starts_at - interval '2 hours', {row}.ends_at + interval '2 hours', {row}.id, {row}.patient_id),
    ({row}.created_at, {row}.created_at, NULL::uuid, NULL::uuid),
    ({row}.cancelled_at, {row}.cancelled_at, NULL::uuid, NULL::uuid)
"""

WATCHED = {
    "bookings_booking": (
        "patient_id practitioner_id appointment_type_id entry_id starts_at ends_at state source cancel_cause_id"
        " cancelled_at revision pays_until created_at",
        OF_BOOKING,
    ),
    "bookings_payment": (
        "booking_id amount collected_at reference",
        "({row}.collected_at, {row}.collected_at, {row}.booking_id, NULL::uuid)",
    ),
    "bookings_checkout": (
        "booking_id amount status paid_at payment_intent",
        "({row}.paid_at, {row}.paid_at, NULL::uuid, NULL::uuid)",
    ),
    "bookings_refunddecision": (
        "payment_id amount status settled_at",
        "({row}.settled_at, {row}.settled_at, NULL::uuid, NULL::uuid)",
    ),
    "bookings_dispute": (
        "checkout_id amount outcome closed_at",
        "({row}.closed_at, {row}.closed_at, NULL::uuid, NULL::uuid)",
    ),
    "bookings_earliertimerequest": (
        "appointment_type_id asked_at ended_at",
        "({row}.asked_at, {row}.asked_at, NULL::uuid, NULL::uuid), ({row}.ended_at, {row}.ended_at, NULL::uuid, NULL::uuid)",
    ),
    "triage_triagesession": (
        "consultation_id consultant_id booking_id state outcome recommended_service_id call_back_at call_back_revision",
        "({row}.call_back_at, {row}.call_back_at, {row}.consultation_id, NULL::uuid)",
    ),
    "services_interestentry": (
        "service_id joined_at told_at left_at",
        "({row}.joined_at, {row}.joined_at, NULL::uuid, NULL::uuid), ({row}.told_at, {row}.told_at, NULL::uuid, NULL::uuid),"
        " ({row}.left_at, {row}.left_at, NULL::uuid, NULL::uuid)",
    ),
    "practitioners_timeoff": (
        "practitioner_id starts_at ends_at",
        "({row}.starts_at, {row}.ends_at, NULL::uuid, NULL::uuid)",
    ),
    "practitioners_diaryentry": (
        "practitioner_id appointment_type_id kind held_for live_from",
        "(CASE WHEN {row}.held_for IS NOT NULL THEN {row}.live_from END,"
        " CASE WHEN {row}.held_for IS NOT NULL THEN {row}.live_from END, NULL::uuid, NULL::uuid)",
    ),
    # Which service a type belongs to and whether it is a consultation, and what a mistake is, count in every day.
    "services_appointmenttype": ("service_id kind", ALL_TIME),
    "bookings_cancelreason": ("code", ALL_TIME),
}
"""Of each table the columns that count, and what is touched by one of its rows: since, until, booking, patient."""
ONLY_CHANGES = {"services_appointmenttype", "bookings_cancelreason"}
"""A new row of these counts in nothing yet, and one that counts in something cannot be deleted."""

FUNCTION = """
    CREATE OR REPLACE FUNCTION touch_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO reports_touch (since, until, booking, patient)
        SELECT DISTINCT * FROM (VALUES {old}, {new}) touched (since, until, booking, patient)
        WHERE since IS NOT NULL OR booking IS NOT NULL;
        RETURN NULL;
    END $$
"""
CHANGED = """
    CREATE OR REPLACE TRIGGER figures_changed AFTER UPDATE OF {columns} ON {table} FOR EACH ROW
    WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION touch_{table}()
"""
CAME_OR_WENT = """
    CREATE OR REPLACE TRIGGER figures_came_or_went AFTER INSERT OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION touch_{table}()
"""
UNDONE = "DROP FUNCTION touch_{table} CASCADE"


def _statements(table: str, columns: list[str], touched: str) -> list[str]:
    rows = {row.lower(): touched.format(row=row) for row in ("OLD", "NEW")}
    compared = {row.lower(): ", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW")}
    made = [
        FUNCTION.format(table=table, **rows),
        CHANGED.format(table=table, columns=", ".join(columns), **compared),
    ]
    return made if table in ONLY_CHANGES else [*made, CAME_OR_WENT.format(table=table)]


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0001_initial"),
        ("bookings", "0016_find_patients_by_email"),
        ("practitioners", "0004_released_entries"),
        ("services", "0004_taken_off_the_list"),
        ("triage", "0006_overrides_by_type_and_last_writer"),
    ]

    operations = [
        migrations.RunSQL(_statements(table, columns.split(), touched), UNDONE.format(table=table))
        for table, (columns, touched) in WATCHED.items()
    ]
