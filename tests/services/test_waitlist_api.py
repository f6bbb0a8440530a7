import pytest

from botaniqal.messages.models import Message
from services.models import InterestEntry, Service
from tests.api.conftest import client
from tests.factories import ServiceFactory
from tests.offering import approve_words

pytestmark = pytest.mark.django_db

DOOR = "/api/waitlist"
LEO = {"service": "pet-care", "name": "Leo Martin", "email": "leo@example.com", "consent": True}


@pytest.fixture
def api():
    return client()


@pytest.fixture(autouse=True)
def pets():
    service = ServiceFactory(name="Pet care", slug="pet-care", status=Service.Status.COMING_SOON, has_waitlist=True)
    approve_words(service)
    return service


def join(caller, **changes):
    return caller.post(DOOR, {**LEO, **changes}, format="json")


class TestWaitlist:
    def test_puts_a_visitor_on_the_list(self, api, pets):
        answer = join(api, phone="0412 345 678")

        assert answer.status_code == 200
        wording = "Please write to me by e-mail when Pet care begins, and now and then until it does. "
        wording += "Each e-mail has a link that ends this."
        assert answer.json() == {"service": "pet-care", "joined": True, "consentWording": wording}
        entry = InterestEntry.objects.get()
        assert (entry.service, entry.source, entry.phone) == (pets, "api", "+61412345678")
        assert entry.consent_wording == wording

    def test_tells_nobody_who_is_on_it(self, api):
        first, again = join(api), join(api, name="Somebody Else", email="LEO@example.com")

        assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert InterestEntry.objects.count() == Message.objects.count() == 1

    def test_tells_robots_the_same_and_keeps_nothing(self, api):
        robot = join(api, website="https://casino.example")

        assert InterestEntry.objects.count() == Message.objects.count() == 0
        assert (robot.status_code, robot.json()) == (200, join(api, website=" ").json())
        assert InterestEntry.objects.count() == 1

    def test_reads_either_form_of_the_slug_and_an_empty_phone_number(self, api):
        assert join(api, service="pet_care", phone="").status_code == 200

    @pytest.mark.parametrize(
        ("field", "said"),
        [
            ("consent", False),
            ("consent", None),
            ("consent", "maybe"),
            ("name", "<script>alert(1)</script>"),
            ("name", ""),
            ("name", ["Leo"]),
            ("email", "leo@"),
            ("email", "x" * 300 + "@example.com"),
            ("phone", "call me"),
            ("service", ""),
        ],
    )
    def test_names_the_field_at_fault(self, api, field, said):
        answer = join(api, **{field: said})

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == [field]
        assert not InterestEntry.objects.exists()

    def test_needs_the_consent(self, api):
        answer = api.post(DOOR, {key: said for key, said in LEO.items() if key != "consent"}, format="json")

        assert answer.status_code == 400

    def test_knows_no_other_service(self, api):
        assert join(api, service="nothing").status_code == 404

    def test_is_refused_once_it_can_be_booked(self, api):
        Service.objects.update(status=Service.Status.ACTIVE)

        answer = join(api)

        assert (answer.status_code, answer.json()["code"]) == (422, "no_waitlist")

    def test_does_its_work_once_per_key(self, api):
        answers = [api.post(DOOR, LEO, format="json", HTTP_IDEMPOTENCY_KEY="one") for _ in range(2)]

        assert answers[0].json() == answers[1].json()
        assert answers[1]["Idempotent-Replayed"] == "true"

    def test_refuses_mass_joins_from_one_place(self, api, settings, monkeypatch):
        monkeypatch.setitem(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "public-join", "3/h")

        codes = [join(api, email=f"leo{n}@example.com").status_code for n in range(5)]

        assert codes == [200, 200, 200, 429, 429]
        assert InterestEntry.objects.count() == 3

    def test_may_be_asked_from_the_clinics_website(self, api, settings):
        settings.CORS_ALLOWED_ORIGINS = ["https://www.botaniqal.example"]

        answer = api.options(
            DOOR,
            HTTP_ORIGIN="https://www.botaniqal.example",
            HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
            HTTP_ACCESS_CONTROL_REQUEST_HEADERS="content-type,idempotency-key",
        )

        assert answer["Access-Control-Allow-Origin"] == "https://www.botaniqal.example"
        assert "idempotency-key" in answer["Access-Control-Allow-Headers"]

    def test_says_in_its_schema_what_is_agreed_to(self, api):
        schema = api.get("/api/schema").content.decode()

        assert "/api/waitlist" in schema
        assert "Please write to me by e-mail" in " ".join(schema.split())
