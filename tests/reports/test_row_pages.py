"""The rows behind figures: as many as the figure says, and of a patient only what somebody may see."""

import csv
import io
import re

import pytest
from django.test import Client
from django.urls import reverse

from botaniqal.accounts.roles import ROLES
from botaniqal.reports.report_pages import REPORTS
from tests.admin.conftest import logged_in, somebody

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_that_time")]

WEEK = {"first": "2026-10-01", "last": "2026-10-07"}
FIGURES = sorted({figure for report in REPORTS for figure in report.figures})
PATIENTS = ("Ava", "Leo", "Mia", "Noah")


def rows_of(client: Client, address: str):
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer


class TestCounts:
    @pytest.mark.parametrize("report", [report.slug for report in REPORTS if report.figures])
    def test_are_the_figures_on_the_page(self, management, report):
        answer = management.get(reverse(f"admin:report_{report}"), WEEK)
        cells = [
            cell
            for section in answer.context["sections"]
            for row in section.table.rows
            for cell in row.cells
            # Of hours only closed days have rows, as that page says.
            if cell.url and "/rows/utilisation/" not in cell.url
        ]

        wrong = {
            cell.url: (cell.shown, found)
            for cell in {cell.url: cell for cell in cells}.values()
            if cell.shown not in (found := count_of(rows_of(management, cell.url).context["summary"]))
        }

        assert wrong == {}
        assert cells or report == "utilisation"

    def test_go_by_the_line_of_the_table(self, shown, management):
        query = WEEK | {"key": str(shown.others["gaps"].pk), "by": "service"}

        answer = management.get(reverse("admin:report_rows", args=["taken"]), query)

        assert answer.context["summary"] == ["$195.00", "1 row"]
        assert "GAPS" in answer.context["narrowed"]


def count_of(summary: list[str]) -> list[str]:
    """What stands on top of a page of rows, without its words."""
    return [re.sub(r" (rows?|searches|found nothing)$", "", told) for told in summary]


class TestNames:
    @pytest.mark.parametrize("figure", FIGURES)
    def test_are_not_told_to_management(self, management, figure):
        answer = rows_of(management, f"{reverse('admin:report_rows', args=[figure])}?first=2026-10-01&last=2026-10-07")

        assert not [name for name in (*PATIENTS, "leaves", "stays") if f">{name}" in answer.content.decode()]
        assert not [cell.url for row in answer.context["rows"] for cell in row.cells if cell.url]

    def test_are_told_to_operations_and_lead_to_the_booking(self, shown):
        answer = logged_in(somebody("operations")).get(reverse("admin:report_rows", args=["booked"]), WEEK)

        html = answer.content.decode()
        assert "Leo" in html
        assert reverse("admin:bookings_booking_change", args=[shown.visits["night"].pk]) in html

    def test_are_those_of_ones_own_alone(self, practising):
        answer = practising("consultant").get(reverse("admin:report_rows", args=["consultations"]), WEEK)

        consultants = {row.cells[2].shown for row in answer.context["rows"]}
        assert consultants == {"Sarah"}

    def test_stay_out_of_files(self, shown):
        answer = logged_in(somebody("operations")).get(reverse("admin:report_rows_file", args=["booked"]), WEEK)

        text = b"".join(answer.streaming_content).decode()
        assert not [name for name in PATIENTS if name in text]
        assert shown.visits["night"].number in text


class TestFiles:
    def test_hold_all_rows_and_what_they_are(self, shown, management):
        query = WEEK | {"page": "7"}

        answer = management.get(reverse("admin:report_rows_file", args=["taken"]), query)

        lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
        end = lines.index([])
        amount = lines[0].index("Amount (AUD)")
        assert sum(float(line[amount]) for line in lines[1:end]) == 681
        assert ["Report", "Revenue: Money taken"] in lines[end:]


class TestDoors:
    @pytest.mark.parametrize("role", ROLES)
    def test_are_those_of_the_reports(self, practising, role):
        client = practising(role)
        one_of_each = {next(iter(report.figures)): report for report in REPORTS if report.figures}

        for figure, report in one_of_each.items():
            rights = {report.right, report.own_right} & set(ROLES[role])
            for view in ("report_rows", "report_rows_file"):
                answer = client.get(reverse(f"admin:{view}", args=[figure]), {"first": "x"})
                assert answer.status_code == (400 if rights else 403), (figure, view)

    def test_know_no_other_figure(self, management):
        assert management.get(reverse("admin:report_rows", args=["patients"])).status_code == 404

    @pytest.mark.parametrize(
        "query",
        [
            {"key": "x" * 9_000, "by": "service"},
            {"key": "1", "by": "patient"},
            {"key": "not-a-key", "by": "practitioner"},
            {"period": "never"},
        ],
    )
    def test_answer_nonsense_in_words(self, management, query):
        answer = management.get(reverse("admin:report_rows", args=["taken"]), query)

        assert answer.status_code == 400
        assert 'role="alert"' in answer.content.decode()

    @pytest.mark.parametrize("number", ["0", "-1", "999999", "x", "9" * 5_000])
    def test_turn_to_a_page_that_there_is(self, management, number):
        answer = management.get(reverse("admin:report_rows", args=["taken"]), WEEK | {"page": number})

        assert len(answer.context["rows"]) == 5
