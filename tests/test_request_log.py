"""One id from the webhook to the vendor's door, and the line that each request leaves in the log."""

import json
import logging
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import path
from django.utils import timezone

from bookings.models import SyncRecord
from bookings.self_service import links
from bookings.vendors import sync
from botaniqal import logs, urls
from botaniqal.integrations.models import InboundEvent
from tests.calendly_deliveries import KEY, PRACTITIONER, TEN, delivery, signed, work
from tests.factories import (
    AppointmentTypeFactory,
    BookingFactory,
    CalendlyEventTypeFactory,
    PractitionerFactory,
    UserFactory,
)
from tests.sandbox_server import ENVIRONMENT

ID = "from-calendly-0001"


def broken(request):
    raise ValueError("Leo Martin")


urlpatterns = [
    path("admin/broken", broken),
    path("api/broken", broken),
    path("visit/broken", broken),
    *urls.urlpatterns,
]
handler404, handler500 = urls.handler404, urls.handler500


@pytest.fixture
def lines():
    """Read what the log's lines say, as machines read them."""
    kept: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(self.format(record))

    handler = Kept()
    handler.setFormatter(logs.JsonLines())
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in kept]
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def request_lines(lines) -> Callable[[], list[dict]]:
    """Read the lines of requests alone."""
    return lambda: [line for line in lines() if line["logger"] == "botaniqal.request_log"]


@pytest.mark.django_db
class TestRequestId:
    def test_goes_from_the_webhook_to_the_vendor(self, client, settings, sandbox, lines):
        sandbox.reset()
        settings.CALENDLY_WEBHOOK_SIGNING_KEY = KEY
        settings.MEDIRECORDS_BASE_URL = sandbox.medirecords_url
        settings.MEDIRECORDS_API_KEY = ENVIRONMENT["MEDIRECORDS_API_KEY"]
        settings.MEDIRECORDS_PRACTICE_ID = ENVIRONMENT["MEDIRECORDS_PRACTICE_ID"]
        kind = AppointmentTypeFactory()
        doctor = PractitionerFactory(gives=[kind], calendar_provider="calendly")
        CalendlyEventTypeFactory(calendly_id="DIA", appointment_type=kind, practitioner=doctor)
        body = json.dumps(delivery(event_type="DIA", starts_at=TEN)).encode()

        headers = {**signed(body), "X-Request-ID": ID}
        answer = client.post(PRACTITIONER, body, content_type="application/json", headers=headers)
        work()
        sync.work_due(sync.System.MEDIRECORDS)

        event, record = InboundEvent.objects.get(), SyncRecord.objects.get(system=SyncRecord.System.MEDIRECORDS)
        calls = sandbox.calls("medirecords")
        assert answer["X-Request-ID"] == event.request_id == record.request_id == ID
        assert calls
        assert {call["request_id"] for call in calls} == {ID}
        told = [line["message"] for line in lines() if line["requestId"] == ID]
        assert any("webhooks/calendly/practitioner 200" in line for line in told)
        assert f"integrations.InboundEvent {event.pk}: done" in told
        assert f"bookings.SyncRecord {record.pk}: done" in told
        assert any(
            line.startswith("MediRecords POST /v1/practices/{practice_id}/appointments: 201 in") for line in told
        )

    def test_is_the_newer_changes_from_then_on(self):
        booking = BookingFactory()
        with logs.under("the-first-one"):
            sync.owe(booking=booking, now=timezone.now())

        with logs.under(ID):
            sync.owe(booking=booking, now=timezone.now())

        assert set(booking.sync_records.values_list("wanted", "request_id")) == {(2, ID)}

    def test_is_shown_to_whoever_looks_after_it(self, client):
        client.force_login(UserFactory(roles=["operations"], is_staff=True))
        with logs.under(ID):
            event = InboundEvent.objects.create(vendor="calendly", key="1", kind="created", payload={})
            record = SyncRecord.objects.create(booking=BookingFactory(), system="medirecords")

        pages = [
            client.get(f"/admin/integrations/inboundevent/{event.pk}/change/"),
            client.get(f"/admin/bookings/syncrecord/{record.pk}/change/"),
        ]

        assert [ID in page.text for page in pages] == [True, True]

    @pytest.mark.parametrize("given", ["", "short", "x" * 65, "with a blank in it", "line\nbreak-0123", "näme-0123456"])
    def test_is_made_where_none_comes_that_could_be_kept(self, client, given):
        answers = [client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] for _ in range(2)]

        assert len(set(answers)) == 2
        assert all(logs.sane(answer) for answer in answers)

    def test_ends_with_its_request(self, client):
        client.get("/healthz", headers={"X-Request-ID": ID})

        assert logs.request_id() == ""


@pytest.mark.urls(__name__)
@pytest.mark.django_db
class TestErrors:
    @pytest.mark.parametrize("address", ["/admin/broken", "/visit/broken"])
    def test_show_it_to_quote(self, address):
        answer = Client(raise_request_exception=False).get(address, headers={"X-Request-ID": ID})

        assert answer.status_code == 500
        assert ID in answer.text

    def test_of_the_api_name_it_in_a_header(self, request_lines, lines):
        answer = Client(raise_request_exception=False).get("/api/broken", headers={"X-Request-ID": ID})

        assert (answer.status_code, answer["X-Request-ID"]) == (500, ID)
        [failure] = [line for line in lines() if "errors" in line]
        assert failure["requestId"] == ID
        assert failure["errors"][0]["kind"] == "ValueError"
        assert failure["errors"][0]["place"][-1].endswith("broken")
        assert "Leo" not in json.dumps(lines())
        assert request_lines()[0]["status"] == 500


@pytest.mark.django_db
class TestRequestLine:
    def test_tells_whose_request_it_was_without_a_name(self, client, request_lines):
        user = UserFactory(is_staff=True, is_superuser=True)
        client.force_login(user)

        client.get("/admin/", headers={"X-Request-ID": ID})

        [line] = request_lines()
        assert {name: line[name] for name in ("method", "route", "status", "user", "requestId")} == {
            "method": "GET",
            "route": "admin/",
            "status": 200,
            "user": user.pk,
            "requestId": ID,
        }
        assert line["ms"] >= 0
        assert user.email not in json.dumps(line)

    def test_knows_the_page_but_not_the_secret_in_its_address(self, client, lines):
        address = links.to_visit(BookingFactory())
        token = address.rsplit("/", 1)[1]

        client.get(f"/visit/{token}?name=Leo")
        client.get(f"/visit/{token}x?name=Leo")

        told = json.dumps(lines())
        assert "visit/<str:token>" in told
        assert token not in told
        assert "Leo" not in told

    def test_is_written_of_an_address_that_there_is_not(self, client, request_lines):
        client.get(f"/{uuid4()}")

        [line] = request_lines()
        assert (line["route"], line["status"], line["user"]) == ("unknown address", 404, None)

    def test_shares_its_id_with_what_django_says_of_the_answer(self, client, lines):
        client.get("/nowhere", headers={"X-Request-ID": ID})

        [said] = [line for line in lines() if line["logger"] == "django.request"]
        assert (said["message"], said["requestId"]) == ("Not Found: /nowhere", ID)

    def test_is_not_written_of_what_machines_ask_all_the_time(self, client, request_lines):
        client.get("/healthz")

        assert request_lines() == []
