"""The queue of calls: whose they are, what came before, and when it is long."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from botaniqal.reports import queue
from tests.admin.conftest import logged_in, somebody
from tests.admin.test_today import call, rows_of
from tests.factories import PatientFactory, SessionFactory, next_morning
from triage import claims

pytestmark = pytest.mark.django_db


def shown(browser, **query):
    return rows_of(browser.get(reverse("admin:today_queue"), query))


class TestQueueFor:
    def test_shows_ones_own_calls_however_many_others_left_open(self, consultant, sarah, tom):
        for _ in range(queue.LONGEST):
            SessionFactory(consultant=tom, consultation__starts_at=next_morning(9, days=-1))
        SessionFactory(consultant=sarah, patient=PatientFactory(name="Zebedee Quill"))

        page = consultant.get(reverse("admin:today_queue")).content.decode()

        assert "Zebedee Quill" in page

    def test_goes_by_when_somebody_is_to_be_rung_again(self, consultant, sarah):
        late = timezone.now() - timedelta(minutes=20)
        call(sarah, minutes=-600, name="Ida Long", call_back_at=late, call_back_revision=0, tries=1)
        call(sarah, minutes=-60, name="Uma Short")

        rows = shown(consultant)

        [ida] = [row for row in rows if "Ida" in row]
        assert rows.index(ida) > next(place for place, row in enumerate(rows) if "Uma" in row)
        assert "Late 20 min" in ida
        assert "Call-back · Tried 1 of 3" in ida

    def test_shows_who_has_a_call_and_since_when(self, consultant, sarah, tom):
        since = timezone.now() - timedelta(minutes=12)
        call(tom, name="Ida Long", minutes=30, claimed_by=tom, claimed_at=since)
        call(tom, name="Uma Short", in_progress=True, started_at=since)

        rows = shown(consultant)

        [ida], [uma] = ([row for row in rows if name in row] for name in ("Ida", "Uma"))

        assert "Taken by Tom Baker 12 min ago" in ida
        assert "In call 12 min" in uma
        assert "Taken by Tom Baker" in uma

    def test_marks_a_parked_call_with_its_age(self, consultant, tom):
        parked = call(tom, in_progress=True)
        now = timezone.now()
        claims.park(session_id=parked.pk, consultant=tom, by=tom.user, now=now - timedelta(minutes=5))

        assert "Parked 5 min" in shown(consultant)[-1]


class TestViews:
    @pytest.fixture(autouse=True)
    def calls(self, sarah, tom):
        call(sarah, name="Mia Mine", minutes=10)
        call(sarah, name="Moe Mine", in_progress=True)
        call(tom, name="Ugo Free", minutes=20)
        call(tom, name="Tia Taken", in_progress=True)

    def names(self, rows):
        return {name for name in ("Mia", "Moe", "Ugo", "Tia") if any(name in row for row in rows)}

    @pytest.mark.parametrize(
        ("view", "names"),
        [
            ("mine", {"Mia", "Moe"}),
            ("all", {"Mia", "Moe", "Ugo", "Tia"}),
            ("unclaimed", {"Mia", "Ugo"}),
            ("nonsense", {"Mia", "Moe", "Ugo", "Tia"}),
        ],
    )
    def test_show_ones_own_everybodys_or_nobodys(self, consultant, view, names):
        assert self.names(shown(consultant, calls=view)) == names

    def test_are_remembered(self, consultant):
        consultant.get(reverse("admin:index"), {"calls": "mine"})

        page = consultant.get(reverse("admin:index"))

        assert page.context["view"] == "mine"
        assert self.names(rows_of(page)) == {"Mia", "Moe"}

    def test_are_asked_for_while_polling(self, consultant):
        page = consultant.get(reverse("admin:index"), {"calls": "unclaimed"}).content.decode()

        assert f'data-url="{reverse("admin:today_queue")}?calls=unclaimed"' in page

    def test_offer_ones_own_to_those_who_make_calls(self, consultant, operations):
        assert "mine" in consultant.get(reverse("admin:index")).context["views"]
        assert "mine" not in operations.get(reverse("admin:index")).context["views"]

    def test_say_when_there_is_nothing(self, operations):
        page = operations.get(reverse("admin:today_queue"), {"calls": "mine"}).content.decode()

        assert "No call of yours is waiting." in page


class TestNoteTold:
    @pytest.fixture
    def taken(self, sarah, tom):
        session = call(sarah, name="Zoe Papas", in_progress=True)
        claims.take_over(session_id=session.pk, consultant=tom, by=tom.user, now=timezone.now())
        return session

    def test_shows_what_was_taken_until_it_is_noted(self, consultant, taken):
        before = shown(consultant)[0]
        page = consultant.post(reverse("admin:today_told"), {"event": taken.events.get().pk}, follow=True)

        assert "Tom Baker took over your call with Zoe, due" in before
        assert "Papas" not in before
        assert "took over" not in " ".join(rows_of(page))

    def test_is_for_whom_it_was_taken_from(self, tom, taken):
        stranger = logged_in(tom.user)

        answer = stranger.post(reverse("admin:today_told"), {"event": taken.events.get().pk})

        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert taken.events.get().seen_at is None

    @pytest.mark.parametrize("event", ["", "x", "9" * 40, "\0"])
    def test_finds_nothing_where_there_is_nothing(self, consultant, event):
        assert consultant.post(reverse("admin:today_told"), {"event": event}).status_code == HTTPStatus.NOT_FOUND

    def test_changes_nothing_on_get(self, consultant, taken):
        assert consultant.get(reverse("admin:today_told")).status_code == HTTPStatus.METHOD_NOT_ALLOWED

    def test_needs_the_token_of_the_page(self, sarah, taken):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(sarah.user)

        answer = strict.post(reverse("admin:today_told"), {"event": taken.events.get().pk})

        assert answer.status_code == HTTPStatus.FORBIDDEN

    def test_is_for_staff(self, taken):
        answer = Client().post(reverse("admin:today_told"), {"event": taken.events.get().pk})

        assert answer.status_code == HTTPStatus.FOUND
        assert taken.events.get().seen_at is None

    def test_tells_operations_of_nothing_that_is_not_theirs(self, taken):
        assert "took over" not in " ".join(shown(logged_in(somebody("operations"))))
