"""Every figure against numbers worked out by hand, counted from the rows and read from closed days."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum

from botaniqal.errors import Malformed
from botaniqal.reports import figures
from botaniqal.reports.figures import Only, Period, closing
from botaniqal.reports.figures.trend import LINES
from botaniqal.reports.models import Day, DayOfVisits
from tests.reports.awkward import NOW, awkward_clinic

pytestmark = pytest.mark.django_db

SUNDAY = Period(date(2026, 10, 4), date(2026, 10, 4))
"""The day without an hour."""
WEEK = Period(date(2026, 10, 1), date(2026, 10, 7))
APRIL = Period(date(2026, 4, 5), date(2026, 4, 5))
"""The day with an hour twice."""


@pytest.fixture(scope="module", params=["counted", "closed"])
def clinic(request, django_db_setup, django_db_blocker):
    """Set up once for all tests of either kind: none of them leaves anything behind."""
    with django_db_blocker.unblock(), transaction.atomic():
        clinic = awkward_clinic()
        if request.param == "closed":
            closing.close_due(now=NOW)
            assert not Day.objects.filter(closed_at=None).exists()
            assert Day.objects.filter(day__in=WEEK.days + APRIL.days).count() == 8
        yield clinic
        transaction.set_rollback(True)


def day(of: int) -> Period:
    return Period(date(2026, 10, of), date(2026, 10, of))


def funnel(period, only=figures.EVERYTHING) -> tuple[int, ...]:
    return tuple(step.count for step in figures.funnel(period, only, now=NOW).steps)


def money(period, by, only=figures.EVERYTHING) -> dict[str, tuple]:
    lines = figures.revenue(period, only, by, now=NOW)
    return {line.label: (line.taken, line.given_back, line.twice, line.lost, line.net) for line in lines}


class TestFunnel:
    def test_follows_the_consultations_of_the_days(self, clinic):
        assert funnel(SUNDAY) == (8, 3, 2, 0, 0)
        assert funnel(Period(date(2026, 10, 1), date(2026, 10, 4))) == (9, 4, 3, 1, 1)
        assert funnel(day(5)) == (1, 1, 0, 0, 0)
        assert funnel(WEEK) == (10, 5, 3, 1, 1)

    def test_tells_services_apart_by_what_was_booked_or_recommended(self, clinic):
        assert funnel(WEEK, Only(service=clinic.others["herbs"])) == (2, 2, 2, 1, 1)
        assert funnel(WEEK, Only(service=clinic.others["gaps"])) == (3, 2, 1, 0, 0)

    def test_tells_people_apart_by_who_rang_or_gave_the_visit(self, clinic):
        assert funnel(WEEK, Only(practitioner=clinic.people["Sarah"])) == (6, 4, 2, 1, 1)
        assert funnel(WEEK, Only(practitioner=clinic.people["Eve"])) == (1, 1, 1, 0, 0)

    def test_says_which_part_went_on(self, clinic):
        shares = [step.share.percent for step in figures.funnel(WEEK, now=NOW).steps]

        assert shares == [100, 50, 60, 33, 100]
        assert figures.funnel(WEEK, now=NOW).conversion.percent == 30


class TestAbandonment:
    def test_is_of_calls_due_whether_they_were_answered_or_made(self, clinic):
        assert figures.abandonment(SUNDAY, now=NOW) == figures.Share(3, 7)

    def test_counts_a_call_back_when_it_is_due(self, clinic):
        assert figures.abandonment(day(6), now=NOW) == figures.Share(1, 1)

    def test_gives_a_late_consultant_an_hour(self, clinic):
        Day.objects.update(closed_at=None)  # what was over by then is not asked for as it was before
        due = clinic.calls["forgotten"].consultation.starts_at

        late = figures.abandonment(SUNDAY, now=due + timedelta(minutes=59))
        too_late = figures.abandonment(SUNDAY, now=due + timedelta(minutes=61))

        assert (too_late.part, too_late.whole) == (late.part + 1, late.whole + 1)


class TestRevenue:
    def test_counts_money_on_the_day_on_which_it_moved(self, clinic):
        assert money(day(1), "service") == {"Alternative Medicine": (119, 0, 0, 0, 119)}
        assert money(SUNDAY, "service") == {"Alternative Medicine": (238, 119, 0, 0, 119), "GAPS": (195, 0, 0, 0, 195)}
        assert money(day(5), "service") == {"Alternative Medicine": (129, 19, 129, 0, 239)}
        assert money(day(6), "service") == {"GAPS": (0, 195, 0, 0, -195)}
        assert money(day(7), "service") == {
            "Alternative Medicine": (0, 129, 0, 0, -129),
            "No booking known": (0, 0, 0, 30, -30),
        }

    def test_adds_up_however_it_is_told_apart(self, clinic):
        assert money(WEEK, "method") == {
            "Phone": (357, 138, 0, 0, 219),
            "Online": (324, 324, 129, 0, 129),
            "No booking known": (0, 0, 0, 30, -30),
        }
        assert money(WEEK, "practitioner") == {
            "Dr Dee": (357, 138, 0, 0, 219),
            "Dr Eve": (324, 324, 129, 0, 129),
            "No booking known": (0, 0, 0, 30, -30),
        }
        assert all(isinstance(line.net, Decimal) for line in figures.revenue(WEEK, now=NOW))

    def test_can_be_narrowed(self, clinic):
        eve, herbs = clinic.people["Eve"], clinic.others["herbs"]

        assert money(WEEK, "service", Only(practitioner=eve)) == {
            "Alternative Medicine": (129, 129, 129, 0, 129),
            "GAPS": (195, 195, 0, 0, 0),
        }
        assert money(WEEK, "practitioner", Only(service=herbs, practitioner=eve)) == {"Dr Eve": (129, 129, 129, 0, 129)}

    def test_knows_the_hour_that_comes_twice(self, clinic):
        assert money(APRIL, "service") == {"Alternative Medicine": (200, 0, 0, 0, 200)}

    def test_is_told_apart_by_nothing_else(self, clinic):
        with pytest.raises(Malformed, match="service, booking method or practitioner"):
            figures.revenue(WEEK, by="patient")


class TestVisits:
    def test_are_booked_and_called_off_when_that_was_done(self, clinic):
        assert figures.bookings_made(SUNDAY, now=NOW) == 3
        assert figures.bookings_made(day(5), now=NOW) == 1
        assert figures.bookings_made(APRIL, now=NOW) == 1
        assert [figures.cancelled(each, now=NOW) for each in (SUNDAY, day(5))] == [0, 1]
        assert figures.bookings_made(SUNDAY, Only(service=clinic.others["gaps"]), now=NOW) == 1

    def test_are_missed_on_the_day_on_which_they_began(self, clinic):
        [rate] = figures.no_shows(WEEK, now=NOW)

        assert (rate.label, rate.key) == ("Initial", clinic.kinds["first"].pk)
        assert (rate.share.part, rate.share.whole, rate.share.percent) == (1, 3, 33)
        assert [each.share for each in figures.no_shows(SUNDAY, now=NOW)] == [figures.Share(1, 1)]
        assert figures.no_shows(day(5), now=NOW) == []

    def test_do_not_count_before_their_time(self, clinic):
        Day.objects.update(closed_at=None)
        before = clinic.visits["dear"].starts_at

        assert [rate.share for rate in figures.no_shows(day(6), now=before)] == []
        assert [rate.share for rate in figures.no_shows(day(6), now=before + timedelta(seconds=1))] == [
            figures.Share(0, 1)
        ]


class TestHolds:
    def test_are_kept_when_they_become_bookings(self, clinic):
        assert figures.holds(SUNDAY, now=NOW) == figures.Share(1, 3)
        assert figures.holds(SUNDAY, Only(practitioner=clinic.people["Dee"]), now=NOW) == figures.Share(0, 0)


class TestUtilisation:
    def use(self, period, only=figures.EVERYTHING) -> dict[str, tuple[int, int]]:
        uses = figures.utilisation(period, only, now=NOW)
        return {use.practitioner.name: (use.booked_minutes, use.offered_minutes) for use in uses}

    def test_is_of_the_hours_that_the_day_had(self, clinic):
        assert self.use(SUNDAY) == {"Dr Dee": (20, 180), "Dr Eve": (0, 180)}
        assert self.use(APRIL) == {"Dr Dee": (30, 300), "Dr Eve": (0, 180)}

    def test_leaves_out_time_off_and_what_was_called_off(self, clinic):
        assert self.use(day(6)) == {"Dr Dee": (0, 240), "Dr Eve": (15, 120)}

    def test_adds_days_up(self, clinic):
        assert self.use(WEEK) == {"Dr Dee": (20, 7 * 240 - 60), "Dr Eve": (15, 7 * 180 - 60)}

    def test_with_a_service_is_of_those_who_give_it(self, clinic):
        assert self.use(SUNDAY, Only(service=clinic.others["gaps"])) == {"Dr Eve": (0, 180)}
        assert self.use(SUNDAY, Only(practitioner=clinic.people["Dee"])) == {"Dr Dee": (20, 180)}


class TestWaitlist:
    def growth(self, period, only=figures.EVERYTHING) -> list[tuple]:
        rows = figures.waitlist(period, only, now=NOW)
        return [(row.service.name, row.list, row.joined, row.left, row.waiting) for row in rows]

    def test_says_who_came_went_and_stays(self, clinic):
        assert self.growth(SUNDAY) == [("GAPS", "earlier", 1, 0, 1), ("Equine", "interest", 2, 0, 2)]
        assert self.growth(WEEK) == [("GAPS", "earlier", 1, 1, 0), ("Equine", "interest", 2, 1, 1)]
        assert self.growth(day(7)) == [("Equine", "interest", 0, 0, 1)]

    def test_is_a_services_and_nobodys(self, clinic):
        assert self.growth(WEEK, Only(service=clinic.others["gaps"])) == [("GAPS", "earlier", 1, 1, 0)]
        assert self.growth(WEEK, Only(practitioner=clinic.people["Dee"])) == []


class TestUnmet:
    def test_counts_searches_in_vain(self, clinic):
        [one] = figures.unmet(WEEK)

        assert (one.appointment_type, one.searches, one.empty) == (clinic.kinds["gaps"], 6, 2)
        assert figures.unmet(WEEK, Only(service=clinic.others["herbs"])) == []


class TestSeries:
    def points(self, name, period, only=figures.EVERYTHING):
        return [(point.day.day, point.value) for point in figures.series(name, period, only, now=NOW)]

    def test_has_a_point_a_day(self, clinic):
        assert self.points("revenue", WEEK) == [
            (1, 119), (2, 0), (3, 0), (4, 314), (5, 239), (6, -195), (7, -159),
        ]  # fmt: skip
        assert self.points("consultations", WEEK) == [(1, 1), (2, 0), (3, 0), (4, 8), (5, 1), (6, 0), (7, 0)]
        assert self.points("abandonment", WEEK) == [
            (1, 0), (2, None), (3, None), (4, 43), (5, 0), (6, 100), (7, None),
        ]  # fmt: skip
        assert self.points("interest_joined", SUNDAY) == [(4, 2)]
        assert self.points("unmet", SUNDAY) == [(4, 40)]
        assert self.points("utilisation", SUNDAY, Only(practitioner=clinic.people["Dee"])) == [(4, 11)]

    def test_goes_by_weeks_and_months_in_longer_periods(self, clinic):
        quarter = Period(date(2026, 8, 5), date(2026, 10, 7))
        two_years = Period(date(2024, 10, 8), date(2026, 10, 7))

        weeks = figures.series("booked", quarter, now=NOW)
        months = figures.series("booked", two_years, now=NOW)

        assert [point.day for point in weeks[:2]] == [date(2026, 8, 5), date(2026, 8, 10)]
        assert [(point.day, point.value) for point in weeks[-2:]] == [(date(2026, 9, 28), 4), (date(2026, 10, 5), 1)]
        assert len(months) == 25
        assert [point.day for point in (months[0], months[-1])] == [date(2024, 10, 8), date(2026, 10, 1)]
        assert {point.day.month: point.value for point in months if point.value} == {4: 3, 10: 5}
        for points in (weeks, months):
            assert [point.is_part for point in points] == [True, *[False] * (len(points) - 2), True]

    @pytest.mark.parametrize(
        ("first", "last", "parts"),
        [
            (date(2026, 7, 27), date(2026, 10, 18), []),
            (date(2026, 7, 28), date(2026, 10, 18), [date(2026, 7, 28)]),
            (date(2026, 7, 27), date(2026, 10, 17), [date(2026, 10, 12)]),
            (date(2026, 7, 27), date(2026, 10, 20), [date(2026, 10, 19)]),
            (date(2026, 7, 27), date(2026, 11, 1), [date(2026, 10, 19), date(2026, 10, 26)]),
            (date(2026, 10, 1), date(2026, 10, 20), []),
            (date(2024, 10, 1), date(2026, 9, 30), []),
            (date(2024, 10, 1), date(2026, 10, 31), [date(2026, 10, 1)]),
        ],
    )
    def test_says_which_weeks_and_months_are_parts(self, clinic, first, last, parts):
        points = figures.series("booked", Period(first, last), now=NOW)

        assert [point.day for point in points if point.is_part] == parts

    def test_of_a_name_that_is_none_is_refused(self, clinic):
        with pytest.raises(Malformed):
            figures.series("patients", WEEK)

    def test_adds_up_to_the_whole(self, clinic):
        for name in ("booked", "cancelled", "taken", "given_back", "twice", "lost", "calls", "follow_ups"):
            assert sum(point.value for point in figures.series(name, WEEK, now=NOW)) == _whole(name), name


def _whole(name):
    if name in figures.STEPS:
        return getattr(figures.funnel(WEEK, now=NOW), name)
    made = {"booked": figures.bookings_made, "cancelled": figures.cancelled}
    if name in made:
        return made[name](WEEK, now=NOW)
    return sum(getattr(line, name) for line in figures.revenue(WEEK, now=NOW))


class TestRows:
    def test_are_as_many_as_the_figure_says(self, clinic):
        for period in (SUNDAY, WEEK, APRIL, day(6)):
            for step in figures.funnel(period, now=NOW).steps:
                assert figures.rows(step.name, period, now=NOW).count() == step.count, step
            given_up = figures.abandonment(period, now=NOW)
            assert figures.rows("abandonment", period, now=NOW).count() == given_up.part
            assert figures.rows("due", period, now=NOW).count() == given_up.whole
            assert figures.rows("bookings_made", period, now=NOW).count() == figures.bookings_made(period, now=NOW)
            assert figures.rows("cancelled", period, now=NOW).count() == figures.cancelled(period, now=NOW)
            assert figures.rows("holds", period, now=NOW).count() == figures.holds(period, now=NOW).whole
            assert figures.rows("holds_kept", period, now=NOW).count() == figures.holds(period, now=NOW).part
            for rate in figures.no_shows(period, now=NOW):
                assert figures.rows("no_shows", period, key=rate.key, now=NOW).count() == rate.share.part
            for growth in figures.waitlist(period, now=NOW):
                of = {"key": growth.service.pk, "now": NOW}
                assert figures.rows(f"{growth.list}_joined", period, **of).count() == growth.joined
                assert figures.rows(f"{growth.list}_left", period, **of).count() == growth.left
                assert figures.rows(f"{growth.list}_waiting", period, **of).count() == growth.waiting
            for unmet in figures.unmet(period):
                asked = figures.rows("unmet", period, key=unmet.appointment_type.pk, by="appointment_type", now=NOW)
                assert asked.aggregate(Sum("searches"), Sum("empty")) == {
                    "searches__sum": unmet.searches,
                    "empty__sum": unmet.empty,
                }

    @pytest.mark.parametrize("by", ["service", "method", "practitioner"])
    def test_of_money_come_to_it(self, clinic, by):
        for only in (figures.EVERYTHING, Only(practitioner=clinic.people["Eve"]), Only(service=clinic.others["gaps"])):
            for line in figures.revenue(WEEK, only, by, now=NOW):
                for name in ("taken", "given_back", "twice", "lost"):
                    rows = figures.rows(name, WEEK, only, line.key, by, now=NOW)
                    assert (rows.aggregate(total=Sum("amount"))["total"] or 0) == getattr(line, name), (name, line)

    def test_can_be_narrowed_to_somebodys(self, clinic):
        for who in ("Sarah", "Tom", "Dee", "Eve"):
            only = Only(practitioner=clinic.people[who])
            for step in figures.funnel(WEEK, only, now=NOW).steps:
                assert figures.rows(step.name, WEEK, only, now=NOW).count() == step.count, (who, step)

    @pytest.mark.parametrize(
        ("name", "key", "by"),
        [
            ("patients", None, ""),
            ("taken", 1, "patient"),
            ("taken", "nobody", "practitioner"),
            ("taken", "x", "service"),
            ("calls", 1, "appointment_type"),
            ("utilisation", "x", "practitioner"),
        ],
    )
    def test_of_what_is_none_are_refused(self, clinic, name, key, by):
        with pytest.raises(Malformed):
            figures.rows(name, WEEK, key=key, by=by, now=NOW).count()

    def test_of_hours_are_the_closed_days(self, clinic):
        closing.close_due(now=NOW)

        found = figures.rows("utilisation", WEEK, key=clinic.people["Dee"].pk, now=NOW)

        assert found.aggregate(Sum("booked_minutes"))["booked_minutes__sum"] == 20


class TestClosedDays:
    def test_are_read_and_not_counted_again(self, clinic):
        closing.close_due(now=NOW)
        DayOfVisits.objects.filter(day=date(2026, 10, 5), booked=1).update(booked=99)

        assert figures.bookings_made(day(5), now=NOW) == 99


class TestDefinitions:
    def test_say_of_every_figure_what_it_means(self):
        assert set(LINES) | set(figures.STEPS) <= set(figures.definitions)
        assert all(words.endswith(".") and ". " not in words for words in figures.definitions.values())
