"""The report pages: who may open them, what they say, and that page, chart and file say the same."""

import csv
import io
import re
from dataclasses import dataclass
from datetime import date
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from botaniqal.accounts.roles import ROLES
from botaniqal.integrations.models import Incident
from botaniqal.reports import figures
from botaniqal.reports.figures import Only, Period
from botaniqal.reports.report_pages import REPORTS
from botaniqal.reports.table import Kind
from tests.admin.conftest import logged_in, somebody
from tests.factories import UserFactory
from tests.reports.awkward import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_that_time")]

WEEK = {"first": "2026-10-01", "last": "2026-10-07"}
DAYS = Period(date(2026, 10, 1), date(2026, 10, 7))
SLUGS = [report.slug for report in REPORTS]
OPEN = {
    "management": set(SLUGS),
    "administrator": set(SLUGS),
    "operations": set(SLUGS) - {"revenue"},
    "consultant": {"journey", "calls"},
    "clinician": {"utilisation", "visits"},
}
QUERIES = {"overview": 74, "journey": 17, "revenue": 55, "utilisation": 35, "visits": 30, "calls": 33, "demand": 38}
"""While no day is closed, which is when most has to be counted."""


@dataclass(frozen=True)
class Opened:
    """A page that was opened, and what it asked of the database."""

    sections: list
    html: str
    queries: int


@pytest.fixture(scope="module")
def opened(management, django_db_blocker) -> dict[str, Opened]:
    """Each report as management sees it, opened once."""
    found = {}
    with django_db_blocker.unblock():
        for slug in SLUGS:
            with CaptureQueriesContext(connection) as queries:
                answer = page(management, slug)
            found[slug] = Opened(answer.context["sections"], answer.content.decode(), len(queries))
    return found


def page(client: Client, slug: str, **query: str):
    answer = client.get(reverse(f"admin:report_{slug}"), WEEK | query)
    assert answer.status_code == 200, answer
    return answer


def tables(answer) -> dict:
    return {section.table.name: section.table for section in answer.context["sections"]}


def lines(answer) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def texts(row: str) -> list[str]:
    """What a row of a page shows in its cells, as it is read aloud."""
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
    heard = [re.sub(r"<svg.*?</svg>|<span aria-hidden.*?</span>|<[^>]+>", "", cell) for cell in cells]
    return [unescape(cell).strip() for cell in heard]


class TestDoors:
    @pytest.mark.parametrize("role", ROLES)
    def test_open_to_whom_they_are_for(self, practising, role):
        client = practising(role)

        # What cannot be read is said to whoever got past the right, which is quicker than a report.
        found = {
            slug: {
                client.get(reverse(f"admin:report_{slug}"), {"first": "x"}).status_code,
                client.get(reverse("admin:report_file", args=[slug, "journey"]), {"first": "x"}).status_code,
            }
            for slug in SLUGS
        }

        assert found == {slug: {400} if slug in OPEN[role] else {403} for slug in SLUGS}

    def test_are_closed_to_who_has_no_work_of_their_own(self):
        assert logged_in(somebody("consultant")).get(reverse("admin:reports")).status_code == 403

    def test_ask_who_is_nobody_to_log_in(self, client):
        assert client.get(reverse("admin:report_overview")).status_code == 302

    def test_lead_to_the_first_that_is_open(self, practising):
        assert practising("consultant").get(reverse("admin:reports"))["Location"] == reverse("admin:report_journey")

    def test_change_nothing(self, management):
        assert management.post(reverse("admin:report_overview")).status_code == 405


class TestOwnWork:
    def test_is_all_that_a_consultant_sees(self, shown, practising):
        steps = tables(page(practising("consultant"), "journey"))["journey"].rows

        own = figures.funnel(DAYS, Only(practitioner=shown.people["Sarah"]), now=NOW)
        assert [row.cells[1].value for row in steps] == [step.count for step in own.steps]
        assert own.consultations < figures.funnel(DAYS, now=NOW).consultations

    def test_is_all_that_a_clinician_sees(self, practising):
        lines = tables(page(practising("clinician", "Eve"), "utilisation"))["by-practitioner"].rows

        assert [row.cells[0].value for row in lines] == ["Dr Eve", "In all"]

    def test_is_said_to_be_all(self, shown, practising):
        client = practising("consultant")

        answer = client.get(reverse("admin:report_calls"), WEEK | {"practitioner": str(shown.people["Tom"].pk)})

        assert answer.status_code == 403
        assert "your own work alone" in answer.content.decode()


class TestPages:
    @pytest.mark.parametrize("slug", SLUGS)
    def test_show_in_cells_what_their_tables_say(self, opened, slug):
        told = [row for section in opened[slug].sections if not section.is_empty for row in section.table.rows]

        rows = re.findall(r"<tr.*?</tr>", opened[slug].html, re.DOTALL)
        shown = [texts(row) for row in rows if "<td" in row]

        assert shown == [[cell.shown for cell in row.cells] for row in told]

    @pytest.mark.parametrize("slug", SLUGS)
    def test_draw_what_the_table_says(self, opened, slug):
        for section in opened[slug].sections:
            if section.chart is None:
                continue
            drawn = getattr(section.chart, "bars", None) or section.chart.steps
            assert [each.datum.shown for each in drawn] == [row.cells[1].shown for row in section.table.rows]

    def test_mark_a_month_that_is_not_over(self, management):
        page = management.get(reverse("admin:report_visits"), {"period": "last_365"}).content.decode()
        [chart, *_] = re.findall(r'<svg class="chart.*?</svg>', page, re.DOTALL)

        weeks = re.findall(r"<title>Week from (.*?): .*?</title><rect class=\"(.*?)\"", chart)
        assert weeks[-1][0].endswith("(part)")
        assert weeks[-1][1] == "bar part"
        assert {css for name, css in weeks if "(part)" not in name} == {"bar"}

    def test_add_up_the_money(self, management):
        answer = page(management, "revenue")

        net = sum(line.net for line in figures.revenue(DAYS, now=NOW))
        for name in ("by-service", "by-method", "by-practitioner"):
            total = tables(answer)[name].rows[-1]
            assert total.is_total
            assert total.cells[next(n for n, c in enumerate(total.cells) if c.column.name == "Net")].value == net
        days = tables(answer)["revenue-over-time"]
        assert sum(row.cells[1].value for row in days.rows) == net
        assert answer.context["cards"][0].shown == Kind.MONEY.shown(net)

    def test_leave_money_out_for_who_may_not_see_it(self, shown):
        operations = page(logged_in(somebody("operations")), "overview")

        assert "$" not in "".join(card.shown for card in operations.context["cards"])
        assert "revenue-over-time" not in tables(operations)
        assert "Revenue" not in [each["name"] for each in operations.context["pages"]]

    def test_say_that_there_is_nothing_to_compare_with(self, management):
        cards = {card.name: card for card in page(management, "visits").context["cards"]}

        assert cards["Visits booked"].change.words == "no comparison"

    def test_compare_with_nothing_where_that_is_wished(self, management):
        answer = page(management, "visits", compare="none")

        assert [card.change for card in answer.context["cards"]] == [None] * 3
        assert "Before" not in [column.name for column in tables(answer)["booked-over-time"].columns]

    def test_say_that_days_are_empty(self, management):
        answer = management.get(reverse("admin:report_revenue"), {"first": "2026-01-01", "last": "2026-01-02"})

        assert answer.content.decode().count("Nothing in these days.") == 4

    def test_show_that_nobody_was_missing(self, shown, management):
        query = {"first": "2026-10-06", "last": "2026-10-07", "compare": "none"}

        answer = management.get(reverse("admin:report_visits"), query)

        section = next(each for each in answer.context["sections"] if each.table.name == "no-shows-over-time")
        assert not section.is_empty
        assert [row.cells[1].shown for row in section.table.rows] == ["0%", "–"]

    def test_narrow_to_a_service(self, shown, management):
        answer = page(management, "journey", service="gaps")

        own = figures.funnel(DAYS, Only(service=shown.others["gaps"]), now=NOW)
        assert [row.cells[1].value for row in tables(answer)["journey"].rows] == [step.count for step in own.steps]

    @pytest.mark.parametrize("slug", SLUGS)
    def test_name_no_patient(self, opened, slug):
        assert not [name for name in ("Ava", "Leo", "Mia", "Noah") if name in opened[slug].html]

    @pytest.mark.parametrize("slug", SLUGS)
    def test_cost_a_fixed_number_of_queries(self, opened, slug):
        assert opened[slug].queries == QUERIES[slug]


class TestAddresses:
    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ({"first": "2026-02-30"}, "Write a day as"),
            ({"first": "yesterday"}, "Write a day as"),
            ({"first": "2026-10-07", "last": "2026-10-01"}, "comes before the first"),
            ({"first": "0001-01-01", "last": "9999-12-31"}, "Write a day as"),
            ({"first": "1990-01-01"}, "ten years"),
            ({"first": "2026-10-01", "last": "2026-12-31"}, "still to come"),
            ({"last": "2026-10-01"}, "from which day"),
            ({"period": "eternity"}, "Choose a period"),
            ({"period": "last_" + "9" * 5_000}, "Choose a period"),
            ({"service": "no-such"}, "no such service"),
            ({"service": "'; drop table--"}, "no such service"),
            ({"practitioner": "0"}, "no such practitioner"),
            ({"practitioner": "x" * 10_000}, "no such practitioner"),
            ({"practitioner": "00000000-0000-0000-0000-000000000000"}, "no such practitioner"),
        ],
    )
    def test_that_cannot_be_read_are_answered_in_words(self, management, query, told):
        answer = management.get(reverse("admin:report_overview"), query)

        assert answer.status_code == 400
        assert told in answer.content.decode()

    def test_are_kept_short(self, management):
        form = {"period": "month", "first": "2026-10-01", "last": "2026-10-20", "service": "", "compare": ""}

        answer = management.get(reverse("admin:report_visits"), form)

        assert answer["Location"] == f"{reverse('admin:report_visits')}?period=month"

    def test_say_the_days_once_others_were_typed(self, management):
        form = {"period": "month", "first": "2026-10-02", "last": "2026-10-20", "service": "gaps"}

        answer = management.get(reverse("admin:report_visits"), form)

        assert answer["Location"].endswith("?first=2026-10-02&last=2026-10-20&service=gaps")

    def test_lead_on_with_what_was_asked_for(self, management):
        answer = page(management, "visits", service="gaps")

        urls = [each["url"] for each in answer.context["pages"]]
        assert all(url.endswith("?first=2026-10-01&last=2026-10-07&service=gaps") for url in urls)


class TestFiles:
    @pytest.mark.parametrize("slug", ["journey", "revenue", "demand"])
    def test_hold_what_the_page_shows(self, management, opened, slug):
        for table in (section.table for section in opened[slug].sections):
            file = lines(management.get(reverse("admin:report_file", args=[slug, table.name]), WEEK))

            assert file[0] == [column.written for column in table.columns]
            assert file[1 : len(table.rows) + 1] == [[cell.written for cell in row.cells] for row in table.rows]

    def test_say_of_what_they_are(self, management):
        answer = management.get(reverse("admin:report_file", args=["revenue", "by-service"]), WEEK)

        about = [line for line in lines(answer) if line]
        assert 'filename="botaniqal-by-service-2026-10-01-2026-10-07.csv"' in answer["Content-Disposition"]
        assert "no-store" in answer["Cache-Control"]
        assert ["Days", "1 Oct 2026 – 7 Oct 2026"] in about
        assert ["Taken", figures.definitions["taken"]] in about

    def test_let_no_spreadsheet_work_out_a_name(self, shown, management):
        service = shown.others["gaps"]
        service.name = '=HYPERLINK("https://example.com")'
        service.save(update_fields=["name"])

        file = lines(management.get(reverse("admin:report_file", args=["revenue", "by-service"]), WEEK))

        assert "'" + service.name in [line[0] for line in file if line]


class TestHome:
    def test_of_management_is_this_months_overview(self, management):
        answer = management.get(reverse("admin:index"))

        assert f"{answer.context['asked'].period}" == "1 Oct 2026 – 20 Oct 2026"
        assert answer.context["cards"][0].name == "Net revenue"

    @pytest.mark.parametrize("role", [role for role in ROLES if role != "management"])
    def test_of_everybody_else_stays_today(self, role):
        assert "cards" not in logged_in(somebody(role)).get(reverse("admin:index")).context

    @pytest.mark.parametrize("may_see", [True, False])
    def test_tells_of_incidents_those_who_may_see_them(self, may_see):
        Incident.objects.create(key="alert:test", summary="Something is wrong.")
        rights = ["view_reports", "view_money", *(["view_incident"] if may_see else [])]
        reader = UserFactory(is_staff=True)
        reader.user_permissions.set(Permission.objects.filter(codename__in=rights))

        html = logged_in(reader).get(reverse("admin:index")).content.decode()

        assert ("Something is wrong." in html) == may_see
