"""What Amazon SNS posts, in its own forms: `tests/payloads/ses`."""

import base64
import json
from itertools import permutations
from pathlib import Path
from uuid import UUID

import pytest

from botaniqal.messages import suppression, tracking
from botaniqal.messages.models import Message, MessageReport, Suppression

pytestmark = pytest.mark.django_db

PAYLOADS = Path(__file__).parent.parent / "payloads" / "ses"
ADDRESS = "/anymail/amazon_ses/tracking/"
OURS = UUID("3f0c7d1e-9a53-4c0e-8b62-6d3b8a1f4c01")
SECRET = "ses:secret-of-the-tests"
TO = "leo.martin@example.com"


@pytest.fixture(autouse=True)
def secret(settings):
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": SECRET}


@pytest.fixture
def message():
    return write()


def write(**fields):
    sent = {"told": 1, "sent_at": "2026-11-22T09:40:02Z", "external_id": "EXAMPLE7c191be45"}
    return Message.objects.create(
        **{"pk": OURS, "kind": "confirmation", "reference": OURS, "to": TO, "subject": "Booked", **sent, **fields}
    )


def payload(name, **changes):
    return {**json.loads((PAYLOADS / f"{name}.json").read_text()), **changes}


def basic(secret):
    return f"Basic {base64.b64encode(secret.encode()).decode()}"


def post(client, body, secret=SECRET, **headers):
    said = body if isinstance(body, dict) else {}
    names = {"x-amz-sns-message-type": said.get("Type", ""), "x-amz-sns-message-id": said.get("MessageId", "")}
    shown = {"Authorization": basic(secret)} if secret is not None else {}
    raw = json.dumps(body) if isinstance(body, dict) else body
    headers = {**names, **shown, **headers}
    return client.generic("POST", ADDRESS, raw, content_type="text/plain; charset=UTF-8", headers=headers)


def tell(client, *names):
    return [post(client, payload(name)).status_code for name in names]


def shown(message):
    message.refresh_from_db()
    return message.delivery, message.state


class TestReports:
    @pytest.mark.parametrize(
        ("name", "delivery", "state", "cause"),
        [
            ("delivery", "delivered", "synced", None),
            ("delivery_delay", "delayed", "synced", None),
            ("bounce_transient", "bounced", "needs_person", None),
            ("bounce_permanent", "bounced", "needs_person", "bounced"),
            ("notification_bounce", "bounced", "needs_person", "bounced"),
            ("complaint", "complained", "synced", "complained"),
            ("reject", "rejected", "needs_person", None),
        ],
    )
    def test_shows_what_became_of_the_message(self, client, message, name, delivery, state, cause):
        assert tell(client, name) == [200]

        assert shown(message) == (delivery, state)
        assert [row.cause for row in Suppression.objects.of(TO)] == ([cause] if cause else [])

    def test_tells_when_it_happened_not_when_it_was_heard(self, client, message):
        tell(client, "bounce_permanent")

        message.refresh_from_db()
        assert message.delivery_at.isoformat() == "2026-11-22T09:40:06.669000+00:00"

    @pytest.mark.parametrize("name", ["send", "open", "validated", "unsubscribe_confirmation"])
    def test_keeps_nothing_of_what_is_nobodys_business(self, client, message, name):
        assert tell(client, name) == [200]

        assert shown(message) == ("", "synced")
        assert not MessageReport.objects.exists()

    def test_does_a_repeated_report_once(self, client, message):
        tell(client, "bounce_permanent", "bounce_permanent")

        message.refresh_from_db()
        assert (MessageReport.objects.count(), Suppression.objects.count(), message.wanted) == (1, 1, 2)

    def test_lets_a_lifted_address_be_when_an_old_report_is_repeated(self, client, message):
        tell(client, "bounce_permanent")
        Suppression.objects.update(lifted_at="2026-11-23T00:00Z")

        tell(client, "bounce_permanent")

        assert not suppression.is_suppressed(TO)

    @pytest.mark.parametrize("order", [*permutations(["delivery", "delivery_delay", "complaint"])])
    def test_ends_the_same_in_any_order(self, client, message, order):
        tell(client, *order)

        assert shown(message) == ("complained", "synced")
        assert MessageReport.objects.count() == 3

    @pytest.mark.parametrize("order", [*permutations(["delivery", "bounce_transient"])])
    def test_takes_the_answer_that_somebody_is_away_for_no_bounce(self, client, message, order):
        tell(client, *order)

        assert shown(message) == ("delivered", "synced")

    @pytest.mark.parametrize("order", [*permutations(["delivery", "bounce_permanent"])])
    def test_believes_a_late_bounce_whenever_it_is_heard(self, client, message, order):
        tell(client, *order)

        assert shown(message) == ("bounced", "needs_person")

    def test_hears_a_bounce_before_the_worker_has_heard_that_it_was_sent(self, client):
        message = write(told=0, sent_at=None, external_id="", leased_until="2100-01-01T00:00Z")

        tell(client, "bounce_permanent")

        assert shown(message) == ("bounced", "needs_person")
        assert message.sent_at

    def test_makes_a_bounced_newsletter_nobodys_work(self, client):
        message = write(stream="marketing", unsubscribe_link="https://portal.example.com/unsubscribe/abc")

        tell(client, "bounce_permanent")

        assert shown(message) == ("bounced", "synced")
        assert suppression.is_suppressed(TO)

    def test_lets_a_report_of_no_message_of_ours_be(self, client):
        assert tell(client, "bounce_permanent") == [200]

        assert not MessageReport.objects.exists()
        assert not Suppression.objects.exists()

    def test_confirms_a_subscription_at_sns_whatever_the_address_of_ses_is(self, settings):
        settings.ANYMAIL["AMAZON_SES_CLIENT_PARAMS"]["endpoint_url"] = "http://127.0.0.1:9/ses"

        client = tracking.Reports().get_boto_client("sns", region_name="us-east-1")

        assert client.meta.endpoint_url == "https://sns.us-east-1.amazonaws.com"


class TestRefusals:
    @pytest.mark.parametrize("given", ["ses:wrong", "None", "", ":"])
    def test_lets_nobody_in_without_the_secret(self, client, message, given):
        assert post(client, payload("bounce_permanent"), secret=given).status_code == 403
        assert shown(message) == ("", "synced")

    def test_asks_for_the_secret_as_sns_wants_to_be_asked(self, client):
        response = post(client, payload("bounce_permanent"), secret=None)

        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Basic")

    def test_refuses_all_while_no_secret_is_set(self, client, message, settings):
        settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": None}

        assert [post(client, payload("delivery"), secret=given).status_code for given in (None, SECRET, "")] == [
            403
        ] * 3
        assert shown(message) == ("", "synced")

    def test_refuses_a_header_that_names_another_message(self, client, message):
        response = post(client, payload("bounce_permanent"), **{"x-amz-sns-message-id": "another"})

        assert response.status_code == 403
        assert shown(message) == ("", "synced")

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "not JSON",
            "[]",
            "[" * 100_000,
            "null",
            {},
            {"Type": "Notification"},
            {"Type": "Notification", "MessageId": "1", "Message": "no JSON"},
            {"Type": "Notification", "MessageId": "1", "Message": "[]"},
            {"Type": "Notification", "MessageId": "1", "Message": None},
            {"Type": "Notification", "MessageId": "1", "Message": json.dumps({"eventType": "Bounce", "mail": {}})},
            {"Type": "SubscriptionConfirmation", "MessageId": "1", "TopicArn": "no arn", "Token": "1"},
            {"Type": "Greeting", "MessageId": "1"},
            b"\xed\xa0\x80",
        ],
    )
    def test_says_that_it_cannot_read_what_it_cannot(self, client, message, body):
        assert post(client, body).status_code in (400, 403)
        assert shown(message) == ("", "synced")

    @pytest.mark.parametrize("changes", [{"MessageId": ""}, {"MessageId": "x" * 256}, {"MessageId": 7}])
    def test_refuses_a_report_without_a_name_that_can_be_kept(self, client, message, changes):
        body = payload("bounce_permanent", **changes)

        assert post(client, body, **{"x-amz-sns-message-id": str(body["MessageId"])}).status_code in (400, 403)
        assert shown(message) == ("", "synced")

    @pytest.mark.parametrize("ours", ["no uuid", "", None, 7, ["x"], "\0"])
    def test_lets_an_odd_name_of_a_message_do_nothing(self, client, message, ours):
        event = json.loads(payload("bounce_permanent")["Message"])
        event["mail"]["tags"]["message"] = [ours]

        assert post(client, payload("bounce_permanent", Message=json.dumps(event))).status_code in (200, 400)
        assert shown(message) == ("", "synced")

    def test_refuses_what_is_larger_than_sns_sends(self, client):
        assert post(client, "x" * 400_000).status_code == 413

    def test_takes_nothing_but_posts(self, client):
        assert client.get(ADDRESS).status_code == 405
