"""What all commands have in common."""

import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from botaniqal.commands import CANNOT, NEEDS_PERSON, PortalCommand, Tally, read_table

pytestmark = pytest.mark.django_db


class Counting(PortalCommand):
    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--trouble", default="")

    def run(self, **options) -> Tally:
        tally = Tally()
        for number in self.walk([1, 2, 3], label="Numbers"):
            tally.count("odd" if number % 2 else "even")
        if options["trouble"]:
            tally.trouble(options["trouble"])
        return tally


def run(**options) -> None:
    call_command(Counting(), **options)


class TestPortalCommand:
    def test_says_what_came_of_it(self, capsys):
        run()

        assert capsys.readouterr().out == "2 odd, 1 even.\n"

    def test_shows_no_bar_where_nobody_looks(self, capsys):
        run()

        assert capsys.readouterr().err == ""

    def test_leaves_with_1_when_a_person_has_to_look(self, capsys):
        with pytest.raises(CommandError) as left:
            run(trouble="Line 3: no name.")

        assert left.value.returncode == NEEDS_PERSON
        assert "! Line 3: no name.\n" in capsys.readouterr().out

    def test_says_that_a_dry_run_changed_nothing(self, capsys):
        run(dry_run=True)

        assert capsys.readouterr().out == "Dry run: 2 odd, 1 even. Nothing was changed.\n"

    @pytest.mark.django_db(transaction=True)
    def test_refuses_a_second_run_at_the_same_time(self):
        other = connections.create_connection("default")
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"command:{__name__}"])

            with pytest.raises(CommandError, match="running already") as left:
                run()

            with other.cursor() as cursor:  # PostgreSQL takes its time with those of a line that was closed
                cursor.execute("SELECT pg_advisory_unlock_all()")
        finally:
            other.close()

        assert left.value.returncode == CANNOT
        run()

    def test_gives_its_lock_back_after_a_failure(self):
        with pytest.raises(CommandError):
            run(trouble="Something.")

        run()

    def test_leaves_with_its_code_as_a_process_too(self):
        database = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"
        done = subprocess.run(
            [sys.executable, "manage.py", "import_practitioners", "nowhere.csv"],
            env=os.environ | {"DATABASE_URL": database},
            capture_output=True,
            text=True,
        )

        assert done.returncode == CANNOT
        assert "nowhere.csv cannot be read" in done.stderr


def table(folder, text: str, *, required=("name",), optional=("phone",)) -> list:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path, required=required, optional=optional)


class TestReadTable:
    def test_reads_rows_with_their_lines(self, tmp_path):
        assert table(tmp_path, "name,phone\n Ann ,1\n\nBen,2\n") == [
            (2, {"name": "Ann", "phone": "1"}),
            (4, {"name": "Ben", "phone": "2"}),
        ]

    def test_reads_semicolons_and_a_byte_order_mark(self, tmp_path):
        assert table(tmp_path, "\ufeffName;Phone\nAnn;1\n") == [(2, {"name": "Ann", "phone": "1"})]

    def test_keeps_a_cell_of_several_lines(self, tmp_path):
        [(_, row)] = table(tmp_path, 'name,phone\n"Ann\nLee",1\n')

        assert row["name"] == "Ann\nLee"

    @pytest.mark.parametrize("mark", ["\v", "\f", "\x1c", "\x85", "\u2028"])
    def test_takes_a_row_apart_at_no_other_mark(self, tmp_path, mark):
        assert table(tmp_path, f"name,phone\nAnn{mark}Lee,1\n") == [(2, {"name": f"Ann{mark}Lee", "phone": "1"})]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "“name” is missing"),
            ("phone\n1\n", "“name” is missing"),
            ("name,shoe\nAnn,44\n", "“shoe” is not known"),
            ("name,name\nAnn,Ann\n", "stands there twice"),
            ("name,phone\nAnn\n", "Line 2: 1 cells where 2 were expected"),
            ("name,phone\nAnn,1,2\n", "Line 2: 3 cells"),
            ("name\nAn\0n\n", "Line 2"),
            ("name\n" + "x" * 200_000 + "\n", "field larger than field limit"),
        ],
        ids=["empty", "missing", "unknown", "twice", "short", "long", "nul", "huge"],
    )
    def test_names_each_fault(self, tmp_path, text, said):
        with pytest.raises(CommandError) as refusal:
            table(tmp_path, text)

        assert said in str(refusal.value)
        assert refusal.value.returncode == CANNOT

    def test_refuses_what_is_no_text(self, tmp_path):
        path = tmp_path / "table.csv"
        path.write_bytes(b"name\n\xff\xfe\n")

        with pytest.raises(CommandError, match="cannot be read"):
            read_table(path, required=("name",), optional=())
