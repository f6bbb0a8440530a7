import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings

from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.integrations.jotform import FormAnswer, JotForm, Submission, client
from tests.integrations.conftest import Vendor

SINCE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture
def jotform(vendor: Vendor) -> JotForm:
    return JotForm(base_url=vendor.url, api_key="k3y", timeout=5)


def row(**others: Any) -> dict[str, Any]:
    return {
        "id": "5810000000000000001",
        "form_id": "240000000000000",
        "ip": "203.0.113.7",
        "created_at": "2026-11-21 20:30:00",
        "updated_at": None,
        "status": "ACTIVE",
        "new": "1",
        "answers": {},
        **others,
    }


def question(answer: Any, **others: Any) -> dict[str, Any]:
    return {"name": "concern", "order": "1", "text": "Concern", "type": "control_textbox", "answer": answer, **others}


def content(found: Any, code: int = 200) -> dict[str, Any]:
    return {"responseCode": code, "message": "success", "content": found, "limit-left": 900}


class TestClient:
    def test_goes_where_the_settings_say_with_the_key_in_a_header(self, vendor: Vendor, settings: Settings) -> None:
        settings.JOTFORM_BASE_URL, settings.JOTFORM_API_KEY = vendor.url, "k3y"
        vendor.answers_with(content(row()))

        client().submission("5810000000000000001")

        [seen] = vendor.seen
        assert (seen.path, seen.query, seen.headers["APIKEY"]) == ("/submission/5810000000000000001", {}, "k3y")
        assert "Authorization" not in seen.headers


class TestSubmission:
    def fetch(self, vendor: Vendor, jotform: JotForm, **others: Any) -> Submission:
        vendor.answers_with(content(row(**others)))
        return jotform.submission("5810000000000000001")

    def test_says_what_was_sent_in_and_when(self, vendor: Vendor, jotform: JotForm) -> None:
        submission = self.fetch(vendor, jotform, updated_at="2026-06-01 09:00:00")

        assert submission == Submission(
            id="5810000000000000001",
            form_id="240000000000000",
            status="ACTIVE",
            created_at=datetime(2026, 11, 22, 1, 30, tzinfo=UTC),
            updated_at=datetime(2026, 6, 1, 13, 0, tzinfo=UTC),
            answers=(),
        )

    def test_has_the_answers_in_the_forms_order(self, vendor: Vendor, jotform: JotForm) -> None:
        answers = {
            "12": question("third", name="c", order="10"),
            "4": question("second", name="b", order="9"),
            "30": question("first", name="a", order="2"),
        }

        submission = self.fetch(vendor, jotform, answers=answers)

        assert submission.answers == (
            FormAnswer(name="a", question="Concern", answer="first"),
            FormAnswer(name="b", question="Concern", answer="second"),
            FormAnswer(name="c", question="Concern", answer="third"),
        )

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ("  Sleeps badly\n", "Sleeps badly"),
            (["GAPS diet", "Sleep", ""], "GAPS diet, Sleep"),
            ([], ""),
            ({"first": "Pat", "last": "Example"}, "Pat Example"),
            ({"last": "Example", "prefix": "Dr", "first": "Pat", "middle": ""}, "Dr Pat Example"),
            ({"full": "(04) 1234 5678"}, "(04) 1234 5678"),
            ({"area": "04", "phone": "12345678"}, "04 12345678"),
            ({"year": "1980", "month": "1", "day": "31"}, "1980-01-31"),
            ({"year": 1980, "month": 1, "day": 31}, "1980-01-31"),
            ({"day": "31", "month": "12", "year": "2026", "hour": "9", "min": "5", "ampm": "AM"}, "2026-12-31 9:05 AM"),
            ({"year": "", "month": "", "day": ""}, ""),
            (
                {"addr_line1": "1 High St", "addr_line2": "", "city": "Kew", "state": "VIC", "postal": "3101"},
                "1 High St, Kew, VIC, 3101",
            ),
            ({"Sleep": "Badly", "Food": ["Milk", "Nuts"], "Other": ""}, "Sleep: Badly, Food: Milk, Nuts"),
            (["https://www.jotform.com/uploads/a.pdf"], "https://www.jotform.com/uploads/a.pdf"),
            (5, "5"),
            (None, ""),
            ("a\x00b\ud800", "ab?"),
            ("x" * 20_000, "x" * 10_000),
        ],
    )
    def test_writes_every_kind_of_answer_as_words(
        self, vendor: Vendor, jotform: JotForm, answer: Any, words: str
    ) -> None:
        submission = self.fetch(vendor, jotform, answers={"3": question(answer)})

        assert [row.answer for row in submission.answers] == [words]

    def test_leaves_a_question_without_answer_empty(self, vendor: Vendor, jotform: JotForm) -> None:
        unanswered = question(None)
        del unanswered["answer"]

        submission = self.fetch(vendor, jotform, answers={"3": unanswered})

        assert [row.answer for row in submission.answers] == [""]

    def test_passes_over_what_asks_nothing(self, vendor: Vendor, jotform: JotForm) -> None:
        answers = {"1": question(None, type="control_head"), "2": question(None, type="control_button")}

        assert self.fetch(vendor, jotform, answers=answers).answers == ()

    def test_reads_php_s_empty_table(self, vendor: Vendor, jotform: JotForm) -> None:
        assert self.fetch(vendor, jotform, answers=[]).answers == ()

    @pytest.mark.parametrize("code", [301, 400, 401, 403, 404])
    def test_is_refused_also_by_an_answer_that_looks_well(self, vendor: Vendor, jotform: JotForm, code: int) -> None:
        vendor.answers_with(content("You're not authorized to use (/submission-id)", code))

        with pytest.raises(VendorRefused) as caught:
            jotform.submission("5810000000000000001")

        assert caught.value.status == code
        assert str(caught.value) == f"JotForm GET /submission/{{id}}: {code} in the answer"

    @pytest.mark.parametrize("code", [429, 500, 503])
    def test_is_tried_later_where_jotform_is_not_well(self, vendor: Vendor, jotform: JotForm, code: int) -> None:
        vendor.answers_with(content("", code))

        with pytest.raises(VendorUnavailable, match="in the answer"):
            jotform.submission("5810000000000000001")

    @pytest.mark.parametrize(
        "body",
        [
            [],
            "text",
            {"content": row()},
            {"responseCode": None, "content": row()},
            content(None),
            content([]),
            content(row(answers="text")),
            content(row(answers={"3": "text"})),
            content(row(created_at="yesterday")),
            content(row(created_at=None)),
            content({"id": "1"}),
        ],
    )
    def test_takes_an_odd_answer_for_none(self, vendor: Vendor, jotform: JotForm, body: Any) -> None:
        vendor.answers_with(body)

        with pytest.raises(VendorUnavailable, match="not what it promised"):
            jotform.submission("5810000000000000001")

    @pytest.mark.parametrize("id", ["", ".."])
    def test_asks_for_nothing_else(self, vendor: Vendor, jotform: JotForm, id: str) -> None:
        with pytest.raises(ValueError, match="an id is missing"):
            jotform.submission(id)

        assert vendor.seen == []


class TestFormSubmissions:
    def test_asks_for_the_newest_from_a_day_before(self, vendor: Vendor, jotform: JotForm) -> None:
        vendor.answers_with(content([row(), row(id="2")]))

        found = list(jotform.form_submissions("240000000000000", since=SINCE))

        [seen] = vendor.seen
        assert [submission.id for submission in found] == ["5810000000000000001", "2"]
        assert seen.path == "/form/240000000000000/submissions"
        assert json.loads(seen.query["filter"]) == {"created_at:gt": "2026-11-20 22:00:00"}
        assert (seen.query["orderby"], seen.query["limit"], seen.query["offset"]) == ("created_at", "100", "0")

    def test_turns_pages(self, vendor: Vendor, jotform: JotForm) -> None:
        vendor.answers_with(content([row(id=str(number)) for number in range(100)]))
        vendor.answers_with(content([row(id=str(number)) for number in range(100, 200)]))
        vendor.answers_with(content([]))

        found = list(jotform.form_submissions("240000000000000", since=SINCE))

        assert [submission.id for submission in found] == [str(number) for number in range(200)]
        assert [seen.query["offset"] for seen in vendor.seen] == ["0", "100", "200"]

    def test_finds_none(self, vendor: Vendor, jotform: JotForm) -> None:
        vendor.answers_with(content([]))

        assert list(jotform.form_submissions("240000000000000", since=SINCE)) == []

    def test_is_refused(self, vendor: Vendor, jotform: JotForm) -> None:
        vendor.answers_with(content("", 401))

        with pytest.raises(VendorRefused):
            list(jotform.form_submissions("240000000000000", since=SINCE))
