"""JotForm's knock at a secret address."""

import logging

import pytest

from botaniqal.integrations.models import InboundEvent
from botaniqal.logs import WithoutWords

pytestmark = pytest.mark.django_db

OLD, NEW, FORM = "the-old-secret-address", "the-new-secret-address", "240000000000001"
TOLD = {"formID": FORM, "submissionID": "5810000000000000001", "rawRequest": '{"q8_concern":"Sleep"}', "pretty": "a"}


@pytest.fixture(autouse=True)
def secrets(settings):
    settings.JOTFORM_WEBHOOK_SECRETS, settings.JOTFORM_FORM_IDS = [OLD, NEW], [FORM]


@pytest.fixture
def knock(client):
    client.raise_request_exception = False

    def knock(secret=NEW, **changes):
        return client.post(f"/webhooks/jotform/{secret}", TOLD | changes)

    return knock


class TestJotform:
    @pytest.mark.parametrize("secret", [OLD, NEW])
    def test_keeps_where_to_look_and_none_of_the_answers(self, knock, secret):
        answer = knock(secret)

        assert answer.status_code == 200
        kept = InboundEvent.objects.get()
        assert kept.payload == {"formID": FORM, "submissionID": TOLD["submissionID"]}
        assert (kept.vendor, kept.kind, kept.state) == ("jotform", "submission", "pending")

    def test_takes_urlencoded_forms_as_well(self, client):
        body = f"formID={FORM}&submissionID=581"

        answer = client.post(f"/webhooks/jotform/{NEW}", body, content_type="application/x-www-form-urlencoded")

        assert answer.status_code == 200

    def test_keeps_a_submission_once_and_has_its_edit_worked(self, knock):
        knock()
        InboundEvent.objects.update(told=1)

        knock()

        assert InboundEvent.objects.get().state == "pending"

    @pytest.mark.parametrize("secret", ["guess", OLD[:-1], f"{NEW}x", NEW.upper(), "%00", "é", "x" * 5_000])
    def test_is_not_there_for_whoever_does_not_know_the_address(self, client, knock, secret):
        refused, nowhere = knock(secret), client.post("/webhooks/nowhere")

        assert (refused.status_code, refused.json()) == (nowhere.status_code, nowhere.json())
        assert refused.status_code == 404
        assert not InboundEvent.objects.exists()

    @pytest.mark.parametrize("secrets", [[], [""]], ids=["none", "empty"])
    def test_is_not_there_while_no_secret_is_set(self, knock, settings, secrets):
        settings.JOTFORM_WEBHOOK_SECRETS = secrets

        assert knock("").status_code == knock(NEW).status_code == 404

    @pytest.mark.parametrize(
        "changes",
        [{"formID": "666"}, {"formID": ""}]
        + [{"submissionID": id} for id in ("", "x", "1 ", "１２", "1" * 51, "1\n", "\0", "../1")],
        ids=repr,
    )
    def test_refuses_what_is_no_submission_of_its_forms(self, knock, changes):
        answer = knock(**changes)

        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert not InboundEvent.objects.exists()

    def test_refuses_other_methods_and_huge_bodies(self, client, knock, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000

        assert client.get(f"/webhooks/jotform/{NEW}").status_code == 405
        assert knock(pretty="x" * 2_000).status_code == 413

    @pytest.mark.parametrize("secret", [NEW, "guess"])
    def test_leaves_its_address_out_of_the_logs(self, knock, caplog, secret):
        knock(secret, formID="666")

        written = [WithoutWords("%(message)s").format(record) for record in caplog.records]
        assert any(secret in record.getMessage() for record in caplog.records)
        assert written
        assert not any(secret in line for line in written)
        assert logging.getLogger().isEnabledFor(logging.WARNING)
