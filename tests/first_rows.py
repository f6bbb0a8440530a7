"""
The database after a test that commits: what a new portal begins with, and nothing else.

Django would truncate every table and run all receivers of ``post_migrate``, which takes half a second a test.
"""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase
from psycopg import sql

# Foreign keys are looked at when the transaction ends, so that the order of tables is all the same; what a trigger
# writes down while rows go, goes in the next round.
BRING_BACK = """
CREATE FUNCTION first_rows.bring_back() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
    is_changed boolean;
    is_clean boolean := false;
BEGIN
    FOREACH name IN ARRAY {filled} LOOP
        EXECUTE format(
            'SELECT EXISTS (TABLE public.%1$I EXCEPT TABLE first_rows.%1$I)
                 OR EXISTS (TABLE first_rows.%1$I EXCEPT TABLE public.%1$I)', name
        ) INTO is_changed;
        IF is_changed THEN
            EXECUTE format('DELETE FROM public.%I', name);
            EXECUTE format('INSERT INTO public.%1$I TABLE first_rows.%1$I', name);
        END IF;
    END LOOP;
    WHILE NOT is_clean LOOP
        is_clean := true;
        FOREACH name IN ARRAY {empty} LOOP
            EXECUTE format('SELECT EXISTS (TABLE public.%1$I)', name) INTO is_changed;
            IF is_changed THEN
                EXECUTE format('DELETE FROM public.%I', name);
                is_clean := false;
            END IF;
        END LOOP;
    END LOOP;
END
$$
"""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker, django_db_keepdb: bool) -> Iterator[None]:
    """Keep a copy of the rows that a new portal begins with."""
    with django_db_blocker.unblock():
        if django_db_keepdb:  # an earlier run may have been cut off
            call_command("flush", interactive=False, verbosity=0)
        _keep()
    own, TransactionTestCase._fixture_teardown = TransactionTestCase._fixture_teardown, _bring_back
    yield
    TransactionTestCase._fixture_teardown = own


def _keep() -> None:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        filled = [name for name in tables if _has_rows(cursor, name)]
        cursor.execute("DROP SCHEMA IF EXISTS first_rows CASCADE")
        cursor.execute("CREATE SCHEMA first_rows")
        for name in map(sql.Identifier, filled):
            cursor.execute(sql.SQL("CREATE TABLE first_rows.{} AS TABLE public.{}").format(name, name))
        lists = {"filled": filled, "empty": [name for name in tables if name not in filled]}
        names = {key: sql.Literal(value) + sql.SQL("::text[]") for key, value in lists.items()}
        cursor.execute(sql.SQL(BRING_BACK).format(**names))


def _has_rows(cursor, table: str) -> bool:
    cursor.execute(sql.SQL("SELECT EXISTS (TABLE public.{})").format(sql.Identifier(table)))
    return cursor.fetchone()[0]


def _bring_back(self: TransactionTestCase) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT first_rows.bring_back()")
