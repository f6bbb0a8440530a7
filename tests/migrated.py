"""A database that has been through all migrations, made once for every process and every run of the same sources."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

PACKAGES = ("botaniqal", "services", "practitioners", "bookings", "triage")
START = "migrated_"
LOCK = 7_202_611  # a number that nothing else on this server locks


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker, django_db_keepdb: bool
) -> Iterator[None]:
    """Let the tests' database be a copy of it: to migrate takes ten seconds of each process."""
    if django_db_keepdb:
        yield
        return
    with server() as database:
        with django_db_blocker.unblock(), _alone(database):
            _make(database)
            database.execute("SELECT pg_advisory_lock_shared(hashtext(%s))", [name()])
        connection.settings_dict["TEST"]["TEMPLATE"] = name()
        yield


@contextmanager
def server() -> Iterator[psycopg.Connection]:
    """Connect to the server, beside all databases of ours."""
    known = {key.lower(): connection.settings_dict[key] for key in ("HOST", "PORT", "USER", "PASSWORD")}
    with psycopg.connect(
        dbname="postgres", autocommit=True, **{key: value for key, value in known.items() if value}
    ) as database:
        yield database


def copy(database: psycopg.Connection, target: str) -> None:
    """Make a database of that kind, where the tests' own is one already."""
    command = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(target), sql.Identifier(name()))
    with _alone(database):
        _make(database)
        database.execute(command)


@cache
def name() -> str:
    """Name it for what it is made of: the migrations, and everything that first rows are made from."""
    seen = hashlib.sha256()
    for package in PACKAGES:
        for file in sorted((settings.BASE_DIR / package).rglob("*")):
            if file.suffix in (".py", ".json"):
                seen.update(f"{file} ".encode() + file.read_bytes())
    return START + seen.hexdigest()[:24]


@contextmanager
def _alone(database: psycopg.Connection) -> Iterator[None]:
    """Keep others from making or copying it meanwhile: PostgreSQL copies none that somebody is connected to."""
    database.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    yield
    database.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _make(database: psycopg.Connection) -> None:
    known = [
        row[0] for row in database.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [START])
    ]
    if name() in known:
        return
    for old in known:
        # A run of other sources, which goes on beside this one, keeps its own.
        if database.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [old]).fetchone()[0]:
            database.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(old)))
            database.execute("SELECT pg_advisory_unlock(hashtext(%s))", [old])
    unfinished = f"{START}unfinished"
    database.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = unfinished
    try:
        call_command("migrate", verbosity=0)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
    database.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(name()))
    )
