from ipaddress import IPv6Address
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from bookings import lifecycle
from bookings.models import EarlierTimeOffer, EarlierTimeRequest
from bookings.self_service import links
from bookings.waiting import earlier, earlier_answers, earlier_offers
from tests.bookings.waiting.offers import LATE, SOON, Offer, Request
from tests.factories import PatientFactory
from tests.visits import booked_visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor():
    """Somebody at an address of their own, so that no test is throttled by another."""
    return Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)))


@pytest.fixture
def book(doctor):
    def book(starts_at):
        return booked_visit(doctor, starts_at, patient=PatientFactory(name="Leo Martin", email="leo@example.com"))

    return book


@pytest.fixture
def visit(book):
    return book(LATE)


@pytest.fixture
def offered(book, visit):
    """An offer to whose visit is late."""
    earlier.ask(
        patient=visit.patient, appointment_type=visit.appointment_type, booking=visit, by=None, now=timezone.now()
    )
    lifecycle.cancel(booking_id=book(SOON).pk, reason="Ill", by=None, now=timezone.now())
    earlier_offers.offer_due(now=timezone.now())
    return EarlierTimeOffer.objects.get()


def path_of(link):
    return "/" + link.partition("//")[2].partition("/")[2]


def page_of(offer):
    return path_of(earlier_answers.link_to(offer))


def asking(booking):
    return path_of(links.to_visit(booking, page="visit-earlier"))


class TestEarlierOffer:
    def test_shows_what_is_offered_and_changes_nothing(self, visitor, offered):
        page = visitor.get(page_of(offered), {"answer": "accept"})

        text = page.content.decode()
        assert page.status_code == 200
        assert public(SOON) in text
        assert public(LATE) in text
        assert "Dr Dia" in text
        offered.refresh_from_db()
        assert offered.state == Offer.OPEN

    def test_shows_no_more_of_a_patient_than_the_first_name(self, visitor, offered):
        text = visitor.get(page_of(offered)).content.decode()

        assert "Leo" in text
        assert "Martin" not in text
        assert "leo@" not in text

    def test_moves_the_visit_and_leads_to_its_page(self, visitor, offered, visit):
        answer = visitor.post(page_of(offered), {"answer": "accept"})

        visit.refresh_from_db()
        assert visit.starts_at == SOON
        assert answer["Location"] == path_of(links.to_visit(visit))

    def test_leads_there_again_when_sent_twice(self, visitor, offered, visit):
        for method in (visitor.post, visitor.post, visitor.get):
            answer = method(page_of(offered), {"answer": "accept"})

            assert (answer.status_code, answer["Location"]) == (302, path_of(links.to_visit(visit)))

    def test_lets_it_go(self, visitor, offered, visit):
        page = visitor.post(page_of(offered), {"answer": "decline"}, follow=True)

        visit.refresh_from_db()
        assert visit.starts_at == LATE
        assert "The time goes to the next" in page.content.decode()
        assert "You stay on the list" in page.content.decode()

    def test_takes_off_the_list(self, visitor, offered):
        page = visitor.post(page_of(offered), {"answer": "leave"}, follow=True)

        assert "You are not on the list any more" in page.content.decode()
        assert EarlierTimeRequest.objects.get().state == Request.WITHDRAWN

    @pytest.mark.parametrize("answer", ["", "yes", "x" * 1000])
    def test_asks_again_where_the_answer_is_none(self, visitor, offered, answer):
        page = visitor.post(page_of(offered), {"answer": answer})

        assert "Take this time" in page.content.decode()
        offered.refresh_from_db()
        assert offered.state == Offer.OPEN

    @pytest.mark.parametrize("state", [Offer.LAPSED, Offer.WITHDRAWN])
    def test_says_that_it_is_over(self, visitor, offered, state):
        EarlierTimeOffer.objects.update(state=state)

        for method in (visitor.get, visitor.post):
            assert method(page_of(offered), {"answer": "accept"}).status_code == 410

    def test_says_so_after_its_end_before_anybody_looked(self, visitor, offered):
        EarlierTimeOffer.objects.update(expires_at=timezone.now())

        assert visitor.post(page_of(offered), {"answer": "accept"}).status_code == 410

    def test_says_that_the_time_is_gone(self, visitor, offered, visit):
        lifecycle.cancel(booking_id=visit.pk, reason="Ill", by=None, now=timezone.now())

        page = visitor.post(page_of(offered), {"answer": "accept"})

        assert page.status_code == 409
        assert "cannot be had any more" in page.content.decode()

    @pytest.mark.parametrize("token", ["x", f"{UUID(int=0).hex}:forged", "a:b:c"])
    def test_knows_no_forged_link(self, visitor, token):
        assert visitor.get(f"/earlier/{token}").status_code == 404

    def test_knows_no_link_to_something_else(self, visitor, offered, visit):
        token = links.to_visit(visit).rpartition("/")[2]

        assert visitor.get(f"/earlier/{token}").status_code == 404

    def test_refuses_a_post_that_did_not_come_from_it(self, offered):
        assert Client(enforce_csrf_checks=True).post(page_of(offered), {"answer": "accept"}).status_code == 403


class TestAskEarlier:
    def test_is_led_to_from_the_visit(self, visitor, visit):
        assert asking(visit) in visitor.get(path_of(links.to_visit(visit))).content.decode()

    def test_puts_the_patient_on_the_list(self, visitor, visit):
        page = visitor.post(
            asking(visit), {"dayparts": ["morning"], "weekdays": ["0", "4"], "same_person": "on"}, follow=True
        )

        assert "You are on the list" in page.content.decode()
        request = EarlierTimeRequest.objects.get()
        assert (request.booking, request.practitioner) == (visit, visit.practitioner)
        assert (request.dayparts, request.weekdays, request.urgency) == (["morning"], [0, 4], 2)

    def test_lets_nobody_call_themselves_urgent(self, visitor, visit):
        visitor.post(asking(visit), {"urgency": "1"})

        assert EarlierTimeRequest.objects.get().urgency == EarlierTimeRequest.Urgency.SOON

    def test_keeps_the_urgency_that_staff_gave(self, visitor, visit):
        visitor.post(asking(visit), {})
        EarlierTimeRequest.objects.update(urgency=1)

        visitor.post(asking(visit), {"dayparts": ["evening"]})

        request = EarlierTimeRequest.objects.get()
        assert (request.urgency, request.dayparts) == (1, ["evening"])

    def test_shows_what_was_asked_for(self, visitor, visit):
        visitor.post(asking(visit), {"weekdays": ["3"]})

        assert 'value="3" id="id_weekdays_3" checked' in visitor.get(asking(visit)).content.decode()

    def test_takes_off_the_list(self, visitor, visit):
        visitor.post(asking(visit), {})

        page = visitor.post(asking(visit), {"answer": "leave"}, follow=True)

        assert "You are on the list" not in page.content.decode()
        assert EarlierTimeRequest.objects.get().state == Request.WITHDRAWN

    @pytest.mark.parametrize("said", [{"dayparts": ["night"]}, {"weekdays": ["7"]}, {"weekdays": ["x"]}])
    def test_refuses_what_is_in_no_list(self, visitor, visit, said):
        assert visitor.post(asking(visit), said).status_code == 400
        assert not EarlierTimeRequest.objects.exists()

    def test_is_over_for_a_visit_that_was_called_off(self, visitor, visit):
        lifecycle.cancel(booking_id=visit.pk, reason="Ill", by=None, now=timezone.now())

        assert "Put me on the list" not in visitor.get(asking(visit)).content.decode()
        assert visitor.post(asking(visit), {}).status_code == 422

    def test_changes_nothing_by_looking(self, visitor, visit):
        visitor.get(asking(visit))

        assert not EarlierTimeRequest.objects.exists()


def public(moment):
    return f"{timezone.localtime(moment):%A %-d %B}"
