"""One at a time, where there is no row yet that could be locked."""

from django.db import connection


def wait_for(name: str) -> None:
    """Wait until nobody else is at what a name stands for; then it is this transaction's until its end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def try_for(name: str) -> bool:
    """Have what a name stands for until the transaction's end, unless somebody else is at it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return cursor.fetchone()[0]
