"""The sandbox's pages, as somebody who rehearses meets them: accessible, narrow, with no script but our own."""

import base64
from email.message import EmailMessage

import pytest
import requests
from playwright.sync_api import expect

from tests.sandbox_server import ENVIRONMENT

from .looks import faults

FORM = ENVIRONMENT["JOTFORM_FORM_IDS"].split(",")[0]
PAGES = ["", "patients", "calendars", "outlook", "medirecords", "forms", f"forms/{FORM}", "payments", "incidents"]
PAGES += ["mailbox", "deliveries", "faults"]
TRIAGE = "https://api.calendly.com/event_types/0e2b9f5c-1a53-4c0e-8b62-6d3b8a1f4c01"


@pytest.fixture
def open_window(browser, sandbox):
    """Open a window at the sandbox; a test fails on anything that the browser complains about."""
    contexts, complaints = [], []

    def note(message):
        # The browser notes each answer that is no success; this one the page says in words.
        if message.type == "error" and "status of 422" not in message.text:
            complaints.append(message.text)

    def open_window(**options):
        context = browser.new_context(base_url=sandbox.url, reduced_motion="reduce", **options)
        contexts.append(context)
        context.set_default_timeout(5000)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(autouse=True)
def _full(sandbox):
    """A sandbox in which something has happened, and something is broken."""
    sandbox.reset()
    sandbox.register_event_type(
        uri=TRIAGE, name="Free consultation", minutes=15, owner_email="sarah@example.com", inbound=True
    )
    sandbox.faults("calendly", "lost", rate=0.5)
    sandbox.faults("medirecords", "latency", operation="appointments.write", calls=3)
    sandbox.limits(invitees="10/60")
    yield
    sandbox.reset()


class TestPages:
    @pytest.mark.parametrize(
        ("scheme", "width", "height"), [("light", 1366, 768), ("dark", 1366, 768), ("light", 320, 640)]
    )
    def test_have_no_faults(self, axe, open_window, scheme, width, height):
        page = open_window(color_scheme=scheme, viewport={"width": width, "height": height})
        page.goto("/")
        page.get_by_role("button", name="A patient books a consultation").click()
        expect(page.get_by_role("status")).to_contain_text("Booked")
        found, sideways = {"event": faults(axe, page)}, []

        for path in PAGES:
            page.goto(f"/{path}")
            found[path] = faults(axe, page)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                sideways.append(path)

        assert found == {path: [] for path in found}
        assert sideways == []


class TestDial:
    def test_is_turned_and_turned_back_by_keyboard(self, open_window, sandbox):
        page = open_window()
        page.goto("/faults")
        page.get_by_label("Where").focus()

        page.get_by_label("Where").select_option("graph delta")
        page.get_by_label("What goes wrong").select_option("delta_gone")
        page.get_by_label("How many times").fill("2")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("✓ The fault dial is set.")
        fault = sandbox.control("GET", "faults")["faults"][-1]
        page.get_by_role("button", name="Turn off: Microsoft Graph").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("✓ Turned off.")

        assert (fault["vendor"], fault["operation"], fault["fault"], fault["calls"]) == (
            "graph",
            "all",
            "delta_gone",
            2,
        )
        assert [row["vendor"] for row in sandbox.control("GET", "faults")["faults"]] == ["calendly", "medirecords"]

    def test_says_what_a_vendor_does_not_have(self, open_window):
        page = open_window()
        page.goto("/faults")

        page.get_by_label("Where").select_option("medirecords all")
        page.get_by_label("What goes wrong").select_option("lost")
        with page.expect_response("**/faults") as answer:
            page.get_by_role("button", name="Set the dial").click()

        assert answer.value.status == 422
        expect(page.get_by_text("MediRecords has nothing of the kind.")).to_be_visible()

    def test_makes_a_bad_day_and_a_calm_one(self, open_window, sandbox):
        page = open_window()
        page.goto("/")

        page.get_by_role("button", name="A bad day").click()
        expect(page.get_by_role("status")).to_contain_text("A bad day")
        bad = len(sandbox.control("GET", "faults")["faults"])
        page.get_by_role("button", name="A calm day").click()
        expect(page.get_by_role("status")).to_contain_text("A calm day")

        assert bad > 40
        assert sandbox.control("GET", "faults")["faults"] == []


class TestMessage:
    """One message of the mailbox: what its reader gets, and what SES is made to report."""

    @pytest.fixture
    def message_id(self, sandbox):
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = "Your visit", "care@example.com", "ava@example.com"
        mail.set_content("See you on Monday.")
        mail.add_alternative("<h1>See you on Monday</h1>", subtype="html")
        mail.add_attachment("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", filename="visit.ics")
        body = {
            "Destination": {"ToAddresses": ["ava@example.com"]},
            "Content": {"Raw": {"Data": base64.b64encode(mail.as_bytes()).decode()}},
        }
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=any"}
        address = f"{sandbox.ses_url}/v2/email/outbound-emails"
        return requests.post(address, json=body, headers=signed, timeout=10).json()["MessageId"]

    @pytest.mark.parametrize(("scheme", "width"), [("light", 1366), ("dark", 320)])
    def test_has_no_faults(self, axe, open_window, message_id, scheme, width):
        page = open_window(color_scheme=scheme, viewport={"width": width, "height": 768})
        page.goto(f"/mailbox/{message_id}")
        page.get_by_text("Headers").click()

        assert faults(axe, page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")

    def test_is_found_by_address_and_reported_as_bounced(self, open_window, message_id):
        page = open_window()
        page.goto("/mailbox")
        page.get_by_label("Whose mailbox").fill("AVA@")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("link", name="Your visit").click()

        page.get_by_role("button", name="Bounced").click()

        expect(page.get_by_role("status")).to_contain_text("Amazon tells the portal now")
        expect(page.locator("#reports")).to_contain_text("Bounced")
        expect(page.frame_locator("iframe").get_by_role("heading")).to_have_text("See you on Monday")
