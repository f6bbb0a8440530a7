import json

import pytest
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from botaniqal.timing import answers_vendor
from tests.counting import Counts

REQUESTS, DURATIONS = "http_requests", "http_request_duration_seconds"


class TestTiming:
    def test_counts_by_the_views_name(self, client: Client, counted: Counts):
        client.get("/healthz")
        client.get("/healthz?patient=leo")
        client.post("/healthz")

        view = "botaniqal.api.health.healthz"
        assert counted(REQUESTS) == {(view, "GET", "200"): 2, (view, "POST", "405"): 1}
        assert counted(DURATIONS) == {(view,): 3}

    @pytest.mark.django_db
    def test_makes_no_series_of_what_others_choose(self, client: Client, counted: Counts):
        for n in range(200):
            client.get(f"/no/such/{n}")
            client.get(f"/visit/leo-{n}")
            client.generic(f"BREW{n}", f"/services/coffee-{n}", headers={"X-Request-ID": f"leo-martin-{n}"})
            client.post("/webhooks/calendly/triage", b"{", content_type="text/plain", headers={"user-agent": f"x{n}"})

        assert {(view, method) for view, method, _ in counted(REQUESTS)} == {
            ("none", "GET"),
            ("visit", "GET"),
            ("service", "other"),
            ("botaniqal.webhooks.calendly", "POST"),
        }
        assert len(counted()) < 15


class TestAnswersVendor:
    @pytest.mark.parametrize(("status", "outcome"), [(200, "ok"), (202, "ok"), (400, "refused"), (401, "refused")])
    def test_notes_what_was_answered(self, status: int, outcome: str, counted: Counts):
        view = answers_vendor("stripe")(lambda request: HttpResponse(status=status))

        view(RequestFactory().post("/"))

        assert counted("webhook_processing_time_seconds") == {("stripe", "answered", outcome): 1}

    @pytest.mark.parametrize(("error", "outcome"), [(Http404, "refused"), (ZeroDivisionError, "failed")])
    def test_notes_what_was_not(self, error: type[Exception], outcome: str, counted: Counts):
        def view(request: HttpRequest) -> HttpResponse:
            raise error

        with pytest.raises(error):
            answers_vendor("stripe")(view)(RequestFactory().post("/"))

        assert counted("webhook_processing_time_seconds") == {("stripe", "answered", outcome): 1}

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("address", "vendor"),
        [
            ("/webhooks/calendly/triage", "calendly"),
            ("/webhooks/calendly/practitioner", "calendly"),
            ("/webhooks/graph", "graph"),
            ("/webhooks/graph/lifecycle", "graph"),
            ("/webhooks/jotform/guessed", "jotform"),
            ("/webhooks/stripe", "stripe"),
            ("/anymail/amazon_ses/tracking/", "ses"),
        ],
    )
    def test_stands_at_every_door(self, client: Client, address: str, vendor: str, counted: Counts):
        client.post(address, json.dumps({}), content_type="application/json")

        assert counted("webhook_processing_time_seconds") == {(vendor, "answered", "refused"): 1}
