"""Years of a clinic in rows: a million bookings with all that hangs on them, written by the database itself."""

from django.db import connection

from bench import _django  # noqa: F401 - before any app
from bench._data import Calls, fill, quick_to_fill
from botaniqal.accounts.models import User
from practitioners.models import Practitioner
from services.models import AppointmentType

PATIENTS = 200_000
PRACTITIONERS = 50
CONSULTANTS = 10
OPEN_CALLS = 60
# Two years of days that are twice as full as those of a clinic at work.
MINUTES_APART = 60

NEW_PATIENTS = """
    INSERT INTO bookings_patient (id, name, email, phone, time_zone, address, created_at, date_of_birth,
        link_serial)
    SELECT gen_random_uuid(),
           (ARRAY['Ava','Leo','Mia','Noah','Isla','Oliver','Grace','Jack','Ruby','Zoe','Ethan','Chloe','Lucas',
                  'Matilda','Henry','Ella','Archie','Willow','Arlo','Hazel'])[1 + n %% 20] || ' ' ||
           initcap(translate(substr(md5(n::text), 1, 7), '0123456789', 'ghijklmnop')),
           'person' || n || '@example.com', '+614' || lpad((n * 7 %% 100000000)::text, 8, '0'),
           'Australia/Melbourne', '', now() - n * interval '5 minutes', date '1950-01-01' + (n * 13 %% 20000), 0
    FROM generate_series(1, %(patients)s) n
"""
NUMBERED = """
    CREATE TEMPORARY TABLE numbered AS
    SELECT id, row_number() OVER () AS n FROM bookings_patient
"""
NEW_CONSULTATIONS = """
    INSERT INTO bookings_booking (id, number, patient_id, practitioner_id, appointment_type_id, starts_at, ends_at,
        price, price_reason, state, source, join_link, notes, attention, cancel_reason, correction,
        is_end_heard, revision, link_serial, created_at)
    SELECT gen_random_uuid(), 'CON-' || g.n, p.id, (%(consultants)s::uuid[])[1 + g.n %% %(people)s], %(free)s, at,
        at + interval '15 minutes', 0, '', CASE WHEN g.n <= %(open)s THEN 'confirmed' ELSE 'completed' END, 'online',
        '', '', '', '', '', false, 0, 0, at - interval '2 days'
    FROM generate_series(1, %(calls)s) g(n)
    JOIN numbered p ON p.n = 1 + g.n %% %(patients)s,
    LATERAL (SELECT date_trunc('hour', now()) - (g.n - %(open)s / 2) * interval '15 minutes' AS at) t
"""
NEW_CALLS = """
    INSERT INTO triage_triagesession (id, patient_id, consultation_id, consultant_id, state, outcome, primary_concern,
        notes, recommended_practitioners, recommendation, version, tries, created_at, started_at, ended_at)
    SELECT gen_random_uuid(), patient_id, id, practitioner_id,
        CASE state WHEN 'confirmed' THEN 'scheduled' ELSE 'done' END,
        CASE state WHEN 'confirmed' THEN '' ELSE (ARRAY['referred', 'rejected', 'no_show'])[1 + revision %% 3] END,
        'Poor sleep', repeat('Some words. ', 20), '{}', '{}', 1, 0, created_at, starts_at, ends_at
    FROM bookings_booking WHERE number LIKE 'CON-%%'
"""
NEW_VISITS = """
    INSERT INTO bookings_booking (id, number, patient_id, practitioner_id, appointment_type_id, entry_id, starts_at,
        ends_at, price, price_reason, state, source, join_link, notes, attention, cancel_reason, correction,
        is_end_heard, revision, link_serial, created_at)
    SELECT gen_random_uuid(), 'BOT-' || 2020 + e.n %% 7 || '-' || e.n, p.id, e.practitioner_id, %(kind)s, e.id,
        e.starts_at, e.ends_at, 119, '', CASE WHEN e.starts_at > now() THEN 'confirmed' ELSE 'completed' END, 'phone',
        '', '', CASE WHEN e.n %% 50000 = 0 THEN 'Look at this.' ELSE '' END, '', '', false, 0, 0,
        e.starts_at - interval '7 days'
    FROM (SELECT *, row_number() OVER () AS n FROM practitioners_diaryentry) e
    JOIN numbered p ON p.n = 1 + e.n %% %(patients)s
"""
NEW_PAYMENTS = """
    INSERT INTO bookings_payment (booking_id, amount, method, status, reference, collected_at, given_back)
    SELECT id, price, 'credit_card_phone', 'collected', 'T1', created_at, 0 FROM bookings_booking WHERE price > 0
"""
NEW_RECORDS = """
    INSERT INTO bookings_syncrecord (booking_id, system, wanted, told, attempts, next_try_at, needs_person, problem,
        external_id, external_ref, former_refs)
    SELECT id, system, 1, CASE WHEN is_stuck THEN 0 ELSE 1 END, 0, created_at, is_stuck, '', '', '', '{}'
    FROM bookings_booking, unnest(ARRAY['calendly', 'medirecords']) system,
         LATERAL (SELECT revision = 0 AND attention <> '' AS is_stuck) s
    WHERE price > 0
"""
NEW_MESSAGES = """
    INSERT INTO mail_message (id, kind, reference, "to", subject, text, html, calendar, wanted, told, attempts,
        next_try_at, needs_person, problem, external_id, created_at, sent_at, stream, delivery, unsubscribe_link,
        outcome)
    SELECT gen_random_uuid(), 'confirmation', id, 'person@example.com', 'Your booking', repeat('Words. ', 30),
        repeat('Words. ', 60), '', 1, 1, 0, created_at, false, '', '', created_at, created_at, 'factual', '', '',
        ''
    FROM bookings_booking
"""
NEW_EVENTS = """
    INSERT INTO integrations_inboundevent (vendor, key, kind, payload, received_at, outcome, wanted, told, attempts,
        next_try_at, needs_person, problem)
    SELECT 'calendly', n, 'invitee.created', '{"event": "x"}', now() - n * interval '3 minutes', 'Worked.', 1,
        CASE WHEN n %% 20000 = 0 THEN 0 ELSE 1 END, 0, now(), n %% 20000 = 0, ''
    FROM generate_series(1, %(events)s) n
"""
NEW_HISTORY = """
    INSERT INTO triage_callevent (session_id, kind, at, words)
    SELECT id, kind, created_at, '' FROM triage_triagesession, unnest(ARRAY['claimed', 'ended']) kind
"""
STEPS = [
    NEW_PATIENTS, NUMBERED, NEW_CONSULTATIONS, NEW_CALLS, NEW_VISITS, NEW_PAYMENTS, NEW_RECORDS, NEW_MESSAGES,
    NEW_EVENTS, NEW_HISTORY,
]  # fmt: skip
TABLES = [
    "bookings_booking", "bookings_patient", "bookings_payment", "bookings_syncrecord", "mail_message",
    "integrations_inboundevent", "triage_triagesession", "triage_callevent",
]  # fmt: skip
EMPTIED = "TRUNCATE integrations_inboundevent, integrations_subscription, integrations_incident, bookings_drift CASCADE"


def build(*, bookings: int, calls: int) -> AppointmentType:
    """Empty the database and fill it with years of work; some of it is stuck and some lies ahead."""
    kind = fill(bookings=bookings - calls, practitioners=PRACTITIONERS, minutes_apart=MINUTES_APART)
    Calls(kind=kind, count=1)
    free = AppointmentType.objects.get(code=AppointmentType.FREE_CONSULTATION)
    people = [Practitioner.objects.get(type="consultant")]
    for n in range(1, CONSULTANTS):
        user = User.objects.create_user(f"consultant{n}@botaniqal.example", is_staff=True)
        user.groups.set(people[0].user.groups.all())
        people.append(
            Practitioner.objects.create(name=f"Consultant {n}", type="consultant", email=user.email, user=user)
        )
    wanted = {
        "patients": PATIENTS,
        "calls": calls,
        "events": bookings // 5,
        "consultants": [person.pk for person in people],
        "people": len(people),
        "free": free.pk,
        "kind": kind.pk,
        "open": OPEN_CALLS,
    }
    with connection.cursor() as cursor:
        cursor.execute(EMPTIED)
        with quick_to_fill(*TABLES):
            for step in STEPS:
                cursor.execute(step, wanted)
        cursor.execute("DROP TABLE numbered")
        cursor.execute("VACUUM ANALYZE")
    return kind
