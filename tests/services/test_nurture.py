from datetime import datetime, timedelta

import pytest

from botaniqal.messages import suppression
from botaniqal.messages.models import Message
from services import interest, nurture
from services.models import InterestEntry, NurtureStep, Service
from tests.factories import MELBOURNE, ServiceFactory, UserFactory
from tests.offering import approve_words

pytestmark = pytest.mark.django_db

JOINED = datetime(2026, 3, 30, 15, tzinfo=MELBOURNE)  # clocks go back on 5 April
TEN = JOINED.replace(hour=10)


@pytest.fixture
def manager():
    return UserFactory(roles=["management"])


@pytest.fixture
def counselling():
    return announced("Counselling")


@pytest.fixture
def leo(counselling):
    return join(counselling)


def announced(name):
    service = ServiceFactory(name=name, status=Service.Status.COMING_SOON, has_waitlist=True)
    approve_words(service)
    return service


def join(service, email="leo@example.com", now=JOINED):
    return interest.join(
        service=service, name="Leo Martin", email=email, phone="", source="page", wording="Yes.", now=now
    )


def send(days=0, hour=10, **more):
    return nurture.send_due(now=TEN.replace(hour=hour) + timedelta(days=days, **more))


def subjects():
    return list(
        Message.objects.filter(kind=Message.Kind.NURTURE).order_by("created_at").values_list("subject", flat=True)
    )


def step(manager, days, service=None, subject="Something new", **fields):
    row = NurtureStep.objects.create(service=service, days=days, subject=subject, text="Words.", **fields)
    nurture.approve(step=row, reason="", by=manager, now=JOINED)
    return row


class TestSendDue:
    def test_writes_the_steps_that_came_with_the_portal_each_once(self, leo):
        counts = [nurture.send_due(now=JOINED + timedelta(days=days)) for days in range(60) for _ in range(2)]

        assert [day for day in range(60) if counts[2 * day]] == [0, 7, 30]
        assert sum(counts) == 3
        assert subjects() == [
            "What happens next with Counselling",
            "How a visit with us works",
            "Still on the list for Counselling",
        ]

    def test_writes_as_marketing_with_a_way_out(self, leo):
        nurture.send_due(now=JOINED)

        message = Message.objects.get(kind=Message.Kind.NURTURE)
        assert message.stream == Message.Stream.MARKETING
        assert interest.unsubscribe_link(leo) in message.text
        assert interest.unsubscribe_link(leo) in message.html
        assert "Hello Leo" in message.text

    def test_counts_days_by_the_clinics_calendar(self, counselling):
        join(counselling, now=JOINED.replace(hour=23, minute=50))
        nurture.send_due(now=JOINED.replace(hour=23, minute=55))

        assert [send(days=6), send(days=7)] == [0, 1]

    def test_writes_to_nobody_in_the_night_but_to_who_has_just_joined(self, counselling):
        join(counselling, now=JOINED.replace(hour=3))

        assert [send(hour=3), send(days=7, hour=8), send(days=7, hour=9)] == [1, 0, 1]

    def test_stops_when_the_service_begins(self, leo, counselling):
        Service.objects.update(status=Service.Status.ACTIVE)

        assert send() == 0

    def test_stops_when_they_leave(self, leo):
        interest.leave(entry_id=leo.pk, now=JOINED)

        assert send() == 0

    def test_writes_the_newest_step_alone_after_an_outage(self, leo):
        assert send(days=8) == 1
        assert subjects() == ["How a visit with us works"]

    def test_leaves_out_what_is_overdue_for_long(self, leo):
        assert send(days=20) == 0

    def test_floods_nobody_with_a_step_that_is_added_later(self, leo, manager, counselling):
        join(counselling, email="new@example.com", now=JOINED + timedelta(days=98))
        send(days=98)
        before = len(subjects())

        step(manager, days=1)
        step(manager, days=60)

        assert send(days=99) == 1
        assert Message.objects.filter(subject="Something new").get().to == "new@example.com"
        assert len(subjects()) == before + 1

    def test_takes_a_services_own_steps_instead_of_the_common_ones(self, leo, manager, counselling):
        other = join(announced("Equine"), email="other@example.com")
        step(manager, days=0, service=counselling, subject="Only {service}")

        assert send() == 2
        written = Message.objects.filter(kind=Message.Kind.NURTURE)
        assert written.get(reference=leo.pk).subject == "Only Counselling"
        assert written.get(reference=other.pk).subject == "What happens next with Equine"

    def test_takes_no_common_step_where_the_own_ones_are_off(self, leo, manager, counselling):
        step(manager, days=0, service=counselling, is_active=False)

        assert send() == 0

    def test_leaves_out_what_nobody_approved(self, leo):
        NurtureStep.objects.filter(days=0).update(text="Other words.")

        assert send() == 0

    def test_leaves_out_an_address_that_is_suppressed(self, leo):
        suppression.suppress(address="LEO@example.com", cause=suppression.Cause.BOUNCED, by=None, now=JOINED)

        assert send() == 0

    def test_asks_the_database_no_more_for_a_longer_list(self, counselling, django_assert_max_num_queries):
        InterestEntry.objects.bulk_create(
            InterestEntry(
                service=counselling,
                name="Leo",
                email=f"leo{n}@example.com",
                consent_wording="Yes.",
                consented_at=JOINED,
                joined_at=JOINED - timedelta(days=400),
                source="page",
            )
            for n in range(50)
        )

        with django_assert_max_num_queries(8):
            send()


class TestFilled:
    def test_puts_names_in_the_place_of_the_braces(self):
        text = nurture.filled("Dear {first_name}, {service} {x}", first_name="Leo", service="Equine")

        assert text == "Dear Leo, Equine {x}"

    def test_reaches_into_nothing(self):
        assert nurture.filled("{service.__class__}", first_name="Leo", service="Equine") == "{service.__class__}"


class TestParagraphsOf:
    def test_reads_what_a_browser_sends(self):
        assert nurture.paragraphs_of("One.\r\nStill one.\r\n \r\n\r\nTwo.\n") == ["One.\nStill one.", "Two."]
