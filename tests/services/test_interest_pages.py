import re
from ipaddress import IPv6Address
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from services import interest
from services.models import InterestEntry, Service
from tests.factories import ServiceFactory
from tests.offering import approve_words

pytestmark = pytest.mark.django_db

ADDRESS = "/interest/pet-care"


@pytest.fixture
def visitor():
    """Somebody at an address of their own, so that no test is throttled by another."""
    return Client(REMOTE_ADDR=str(IPv6Address(uuid4().int)))


@pytest.fixture(autouse=True)
def pets():
    service = ServiceFactory(name="Pet care", slug="pet-care", status=Service.Status.COMING_SOON, has_waitlist=True)
    approve_words(service)
    return service


@pytest.fixture
def answers(pets):
    wording = interest.wording_for(pets)
    return {"name": "Leo Martin", "email": "leo@example.com", "phone": "", "consent": "on", "wording": wording}


@pytest.fixture
def leo(pets):
    return interest.join(
        service=pets,
        name="Leo Martin",
        email="leo@example.com",
        phone="",
        source="page",
        wording="Yes.",
        now=timezone.now(),
    )


def link_of(entry):
    return "/" + interest.unsubscribe_link(entry).partition("//")[2].partition("/")[2]


class TestInterestPage:
    def test_shows_the_form_with_what_is_agreed_to(self, visitor, pets):
        page = visitor.get(ADDRESS)

        assert page.status_code == 200
        assert interest.wording_for(pets) in page.content.decode()
        assert not InterestEntry.objects.exists()

    def test_puts_who_sends_it_on_the_list(self, visitor, answers):
        page = visitor.post(ADDRESS, answers, follow=True)

        assert "You are on the list" in page.content.decode()
        entry = InterestEntry.objects.get()
        assert (entry.source, entry.consent_wording) == ("page", answers["wording"])

    def test_answers_the_same_to_who_is_on_it(self, visitor, answers, leo):
        page = visitor.post(ADDRESS, answers, follow=True)

        assert "You are on the list" in page.content.decode()
        assert InterestEntry.objects.count() == 1

    @pytest.mark.parametrize(
        ("field", "said", "told"),
        [
            ("name", "", "Tell us your name."),
            ("name", "<b>Leo</b>", "without addresses or signs"),
            ("name", "Leo\0", "Null characters"),
            ("email", "leo", "Write the whole address"),
            ("phone", "12", "Write the number like"),
            ("consent", "", "Without your consent"),
            ("wording", "Do what you like.", "These words changed"),
        ],
    )
    def test_says_beside_the_field_what_is_wrong_and_keeps_the_rest(self, visitor, answers, field, said, told):
        page = visitor.post(ADDRESS, {**answers, field: said})

        assert page.status_code == 400
        assert told in page.content.decode()
        assert 'value="leo@example.com"' in page.content.decode() or field == "email"
        assert not InterestEntry.objects.exists()

    def test_shows_the_words_of_today_after_they_changed(self, visitor, answers):
        page = visitor.post(ADDRESS, {**answers, "wording": "Do what you like."}).content.decode()

        assert "Do what you like." not in page

    def test_tells_robots_nothing(self, visitor, answers):
        page = visitor.post(ADDRESS, {**answers, "website": "https://casino.example"}, follow=True)

        assert "You are on the list" in page.content.decode()
        assert not InterestEntry.objects.exists()

    def test_refuses_mass_joins_from_one_place(self, visitor, answers, settings, monkeypatch):
        monkeypatch.setitem(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "public-join", "2/h")

        codes = [visitor.post(ADDRESS, {**answers, "email": f"leo{n}@example.com"}).status_code for n in range(3)]

        assert codes == [302, 302, 429]

    def test_refuses_a_post_that_did_not_come_from_it(self, answers):
        strict = Client(enforce_csrf_checks=True, REMOTE_ADDR=str(IPv6Address(uuid4().int)))

        assert strict.post(ADDRESS, answers).status_code == 403

    @pytest.mark.parametrize("status", ["active", "paused", "retired"])
    def test_is_over_once_nothing_is_to_come(self, visitor, status):
        Service.objects.update(status=status)

        assert visitor.get(ADDRESS).status_code in (404, 422)

    def test_knows_no_other_service(self, visitor):
        assert visitor.get("/interest/nothing").status_code == 404


class TestUnsubscribe:
    def test_changes_nothing_by_looking(self, visitor, leo):
        page = visitor.get(link_of(leo))

        leo.refresh_from_db()
        assert "Leave the list" in page.content.decode()
        assert leo.left_at is None

    def test_takes_whoever_asks_off_the_list_without_login(self, visitor, leo):
        page = visitor.post(link_of(leo))

        leo.refresh_from_db()
        assert "You are off the list" in page.content.decode()
        assert leo.left_at

    def test_takes_the_one_click_of_a_mail_program(self, leo):
        program = Client(enforce_csrf_checks=True)

        answer = program.post(link_of(leo), {"List-Unsubscribe": "One-Click"})

        leo.refresh_from_db()
        assert answer.status_code == 200
        assert leo.left_at

    def test_is_not_throttled_for_many_people_of_one_provider(self, leo, settings, monkeypatch):
        monkeypatch.setitem(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "public-write", "1/h")

        assert {Client().post(link_of(leo)).status_code for _ in range(3)} == {200}

    def test_says_so_when_it_was_done_before(self, visitor, leo):
        visitor.post(link_of(leo))

        assert "You are off the list" in visitor.get(link_of(leo)).content.decode()

    def test_outlives_the_service(self, visitor, leo):
        Service.objects.update(status=Service.Status.RETIRED)

        assert visitor.post(link_of(leo)).status_code == 200

    @pytest.mark.parametrize("token", ["x", f"{UUID(int=0).hex}:forged", "a:b:c", "%00"])
    def test_knows_no_forged_link(self, visitor, token):
        assert visitor.post(f"/unsubscribe/{token}").status_code == 404

    def test_names_nobody(self, visitor, leo):
        page = visitor.get(link_of(leo)).content.decode()

        assert not re.search("Leo|leo@", page)
