"""The gate that public texts pass."""

import time
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from botaniqal.errors import Malformed, NotAllowed
from botaniqal.wording import gate
from botaniqal.wording.gate import Text
from botaniqal.wording.models import Approval, RiskyWord
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
CARD = "4111 1111 1111 1111"


def words_of(text: str) -> list[str]:
    return [finding.words for finding in gate.findings(text)]


def kept() -> QuerySet[Approval]:
    """What is kept of approvals, but for those that a new portal begins with."""
    return Approval.objects.filter(subject__startswith="service:")


def name(text: str) -> Text:
    return Text("service:sleep:name", "Sleep: name", text)


@pytest.fixture
def manager():
    return UserFactory(roles=["management"])


@pytest.fixture
def approve(manager):
    """Approve a text as the name of a service."""

    def do(text: str, reason: str = "") -> list[Approval]:
        return gate.approve(texts=[name(text)], reason=reason, by=manager, now=NOW)

    return do


class TestFindings:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Medicinal cannabis by post", ["cannabis", "medicinal cannabis"]),
            ("CÁNNABIS", ["cannabis"]),
            ("ｃａｎｎａｂｉｓ", ["cannabis"]),
            ("canna\u00adbis and can\u200bnabis", ["cannabis"]),
            ("A weight‑loss\ninjection.", ["weight-loss injection*"]),
            ("Weight Loss  Injections!", ["weight-loss injection*"]),
            ("It cured me", ["cure*"]),
            ("Risk free", ["risk-free"]),
            ("No side_effects", ["no side effect*"]),
            ("don’t miss out", ["don't miss out"]),
            ("the best doctor's advice", ["best doctor*"]),
        ],
    )
    def test_knows_words_however_they_are_written(self, text, words):
        assert words_of(text) == words

    @pytest.mark.parametrize(
        "text",
        ["", "A secure call", "An obscure word", "The doctor knows best", "Weight loss, initial", "Ozempicks", "*"],
    )
    def test_lets_plain_words_pass(self, text):
        assert words_of(text) == []

    def test_says_why_and_how_heavy(self):
        [finding] = gate.findings("Ask us for Wegovy")

        assert finding.is_refused
        assert "prescription medicine" in finding.why

    def test_looks_for_no_word_that_was_switched_off(self):
        RiskyWord.objects.filter(words="Wegovy").update(is_active=False)

        assert words_of("Wegovy") == []

    @pytest.mark.parametrize(
        "text",
        [
            "e" + "\u0301\u0323" * 250_000,
            "cure " * 200_000,
            "*" * 1_000_000,
            "\U000e0041" * 500_000,
            "cannabi" * 100_000,
        ],
        ids=["accents", "words", "stars", "invisible", "nearly"],
    )
    def test_is_quick_with_hostile_texts(self, text):
        begun = time.perf_counter()

        gate.findings(text)

        assert time.perf_counter() - begun < 2

    @pytest.mark.parametrize("words", ["(a+)+$ aaaa", "[oops", "\\"])
    def test_takes_risky_words_as_words_never_as_patterns(self, words):
        RiskyWord.objects.create(words=words, why="x")

        assert words_of("a" * 50 + "!") == words_of("") == []


class TestApprove:
    def test_lets_the_public_read_a_text(self, approve, manager):
        approve("Sleep well")

        assert gate.is_approved("service:sleep:name", "Sleep well")
        assert gate.approved("service:sleep:") == {"service:sleep:name": "Sleep well"}
        row = kept().get()
        assert (row.approved_by, row.approved_at, row.label) == (manager, NOW, "Sleep: name")

    def test_adds_to_what_was_approved_before(self, approve):
        approve("Sleep")
        approve("Sleep well")

        assert gate.approved("service:sleep:") == {"service:sleep:name": "Sleep well"}
        assert sorted(kept().values_list("text", flat=True)) == ["Sleep", "Sleep well"]

    def test_leaves_alone_what_is_approved_already(self, approve):
        approve("Sleep")

        assert approve("Sleep") == []
        assert kept().count() == 1

    def test_refuses_words_that_nothing_makes_good(self, approve):
        with pytest.raises(gate.RefusedWords) as refusal:
            approve("Ozempic at home", reason="Our lawyer agrees.")

        assert "“Ozempic”" in refusal.value.message
        assert "prescription medicine" in refusal.value.details["service:sleep:name"][0]
        assert not kept().exists()

    def test_asks_for_the_reason_of_others(self, approve):
        with pytest.raises(gate.ReasonNeeded):
            approve("We cannot guarantee a result", reason="  ")
        approve("We cannot guarantee a result", reason="It says that we promise nothing.")

        row = kept().get()
        assert (row.accepted, row.reason) == (["guarantee*"], "It says that we promise nothing.")

    def test_approves_all_texts_or_none(self, manager):
        texts = [name("Sleep"), Text("service:sleep:description", "Sleep: description", "A miracle")]

        with pytest.raises(gate.RefusedWords):
            gate.approve(texts=texts, reason="", by=manager, now=NOW)

        assert not kept().exists()

    @pytest.mark.parametrize("role", ["consultant", "clinician", None])
    def test_is_for_those_with_the_right(self, role):
        by = role and UserFactory(roles=[role])

        with pytest.raises(NotAllowed):
            gate.approve(texts=[name("Sleep")], reason="", by=by, now=NOW)

    @pytest.mark.parametrize("role", ["operations", "management", "administrator"])
    def test_is_open_to(self, role):
        gate.approve(texts=[name("Sleep")], reason="", by=UserFactory(roles=[role]), now=NOW)

        assert gate.is_approved("service:sleep:name", "Sleep")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [("Sleep", "x" * 301), ("Sleep", f"Paid with {CARD}"), (f"Call {CARD}", ""), ("Sl\0eep", ""), ("Sleep", "\0")],
        ids=["long", "card in the reason", "card in the text", "NUL", "NUL in the reason"],
    )
    def test_refuses_what_cannot_be_kept(self, approve, text, reason):
        with pytest.raises(Malformed):
            approve(text, reason)

        assert not kept().exists()


class TestStates:
    def test_tells_what_is_approved_changed_and_new(self, approve):
        approve("Sleep")
        texts = [name("Sleep"), name("Sleep well"), Text("service:new:name", "New: name", "New")]

        found = gate.states(texts)

        assert [each.state for each in found] == ["approved", "changed", "never"]
        assert found[1].approval.text == "Sleep"

    def test_needs_nobody_for_what_says_nothing(self, approve):
        approve("Sleep")

        found = gate.states([name(""), Text("service:new:name", "New: name", "")])

        assert [each.state for each in found] == ["changed", "approved"]

    def test_costs_two_queries_for_any_number(self, approve):
        approve("Sleep")
        texts = [Text(f"service:{n}:name", f"{n}", f"cure {n}") for n in range(30)]

        with CaptureQueriesContext(
            connection,
        ) as asked:
            gate.states(texts)

        assert len(asked) == 2


class TestApproved:
    @pytest.mark.parametrize("prefix", ["service:%", "service_sleep", "SERVICE:"])
    def test_takes_a_prefix_letter_by_letter(self, approve, prefix):
        approve("Sleep")

        assert gate.approved(prefix) == {}
