"""The stand-in JotForm: a visitor's form, the webhook that it sets off, and the API."""

import json
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP

import pytest
import requests

from tests.sandbox_server import ENVIRONMENT

FORM = ENVIRONMENT["JOTFORM_FORM_IDS"].split(",")[0]
SECRET = ENVIRONMENT["JOTFORM_WEBHOOK_SECRETS"].split(",")[0]
FILLED = {
    "first_name": "Ava",
    "last_name": "O’Brien",
    "email": "ava@example.com",
    "phone": "0491 570 006",
    "born": "1984-02-29",
    "interest": ["Sleep", "GAPS diet"],
    "concern": "Sleep,\nand <b>more</b>",
    "medicines": "",
    "booking": "",
}


@pytest.fixture
def api(sandbox):
    def call(path, *, key=ENVIRONMENT["JOTFORM_API_KEY"], **query):
        return requests.get(f"{sandbox.jotform_url}/{path}", headers={"APIKEY": key}, params=query, timeout=10)

    return call


@pytest.fixture
def send_in(browser, sandbox):
    def send_in(query="", **fields):
        answer = browser.press(f"forms/{FORM}{query}", **FILLED | fields)
        assert answer.ok, answer.text
        return sandbox.state("jotform")["submissions"][-1]["id"]

    return send_in


def fields(delivery):
    """Read a multipart body as the portal does."""
    head = f"Content-Type: {delivery['headers']['Content-Type']}\r\n\r\n".encode()
    message: EmailMessage = BytesParser(policy=HTTP).parsebytes(head + delivery["raw"])
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in message.iter_parts()
    }


class TestForm:
    def test_tells_the_portal_of_what_was_sent_in(self, send_in, portal):
        id = send_in()

        delivery = portal.wait_for(1)[0]
        told = fields(delivery)
        assert delivery["path"] == f"/webhooks/jotform/{SECRET}"
        assert (told["formID"], told["submissionID"]) == (FORM, id)
        assert json.loads(told["rawRequest"])["q3_fullName"] == {"first": "Ava", "last": "O’Brien"}
        assert json.loads(told["rawRequest"])["q8_concern"].splitlines() == ["Sleep,", "and <b>more</b>"]

    def test_tells_again_of_what_was_changed(self, send_in, portal, api):
        id = send_in()

        again = send_in(f"?submission={id}", concern="Better")

        told = [fields(delivery)["submissionID"] for delivery in portal.wait_for(2)]
        content = api(f"submission/{id}").json()["content"]
        assert told == [id, again] == [id, id]
        assert content["updated_at"]
        assert content["answers"]["8"]["answer"] == "Better"

    @pytest.mark.parametrize("field", ["first_name", "email", "concern"])
    def test_asks_for_what_is_missing(self, browser, sandbox, field):
        answer = browser.press(f"forms/{FORM}", **FILLED | {field: ""})

        assert answer.status_code == 422
        assert sandbox.state("jotform")["submissions"] == []

    def test_does_not_exist_for_another_number(self, browser):
        assert browser.get("forms/1").status_code == 404
        assert browser.get(f"forms/{FORM}?submission=1").status_code == 404


class TestShowSubmission:
    def test_hands_out_the_answers_by_number(self, send_in, api):
        answer = api(f"submission/{send_in(booking='ref-1')}").json()

        content = answer["content"]
        assert (answer["responseCode"], content["form_id"], content["status"]) == (200, FORM, "ACTIVE")
        assert content["answers"]["3"]["answer"] == {"first": "Ava", "last": "O’Brien"}
        assert content["answers"]["6"]["prettyFormat"] == "1984 02 29"
        assert content["answers"]["7"]["answer"] == ["Sleep", "GAPS diet"]
        assert content["answers"]["10"] == {
            "name": "bookingReference",
            "order": "8",
            "text": "Booking reference, if you have one",
            "type": "control_textbox",
            "answer": "ref-1",
        }
        assert "answer" not in content["answers"]["9"]

    @pytest.mark.parametrize("path", ["submission/1", "form/1/submissions"])
    def test_does_not_say_which_numbers_exist(self, api, path):
        assert api(path).status_code == 401

    @pytest.mark.parametrize("key", ["", "wrong"])
    def test_asks_for_the_key(self, send_in, api, key):
        answer = api(f"submission/{send_in()}", key=key)

        assert (answer.status_code, answer.json()["responseCode"]) == (401, 401)
        assert "Ava" not in answer.text


class TestListSubmissions:
    def test_lists_the_newest_first_page_by_page(self, send_in, api):
        first, second, third = (send_in(first_name=name) for name in ("Ava", "Liam", "Mia"))

        rows = api(f"form/{FORM}/submissions", orderby="created_at", limit=2).json()
        rest = api(f"form/{FORM}/submissions", orderby="created_at", limit=2, offset=2).json()

        assert len(rows["content"]) == rows["resultSet"]["count"] == 2
        assert {row["id"] for row in rows["content"] + rest["content"]} == {first, second, third}

    def test_takes_a_filter(self, send_in, api):
        id = send_in()

        def listed(**filter):
            answer = api(f"form/{FORM}/submissions", filter=json.dumps(filter))
            return [row["id"] for row in answer.json()["content"]]

        assert listed(**{"created_at:gt": "2026-01-01 00:00:00"}) == [id]
        assert listed(**{"created_at:gt": "2126-01-01 00:00:00"}) == []
        assert listed(status="ACTIVE") == [id]

    @pytest.mark.parametrize("filter", ["{", "[]", '{"colour": "green"}', '{"created_at:near": "now"}'])
    def test_refuses_an_odd_filter(self, send_in, api, filter):
        send_in()

        assert api(f"form/{FORM}/submissions", filter=filter).status_code == 400
