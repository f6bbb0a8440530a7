"""The clinic's own words: what they may say, and where they stand."""

from uuid import uuid4

import pytest
from django.utils import timezone

from botaniqal.errors import DomainError, Malformed, NotAllowed, RuleBroken
from botaniqal.messages import samples, words, writing
from botaniqal.messages.models import Message, MessageWords
from botaniqal.wording import gate
from botaniqal.wording.models import RiskyWord
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

CONFIRMATION = Message.Kind.CONFIRMATION
OPENING = "Dear {first_name}, we look forward to {day}."


@pytest.fixture
def operations():
    return UserFactory(roles=["operations"], first_name="Olive")


def draft(by, kind=CONFIRMATION, **texts):
    row = words.begin(kind=kind, by=by, now=timezone.now())
    MessageWords.objects.filter(pk=row.pk).update(**{"opening": OPENING, **texts})
    return row


def approve(row, by, reason=""):
    return words.approve(words_id=row.pk, reason=reason, by=by, now=timezone.now())


def write(kind=CONFIRMATION, **facts):
    context = {**samples.FACTS, "first_name": "Leo", "day": "Monday 23 November", **facts}
    return writing.write(kind=kind, reference=uuid4(), to="leo@example.com", context=context, send_at=timezone.now())


class TestSaid:
    def test_stand_around_the_facts_once_they_are_approved(self, operations):
        approve(draft(operations, subject="See you on {day}", closing="Your team"), operations)

        message = write()

        assert message.subject == "See you on Monday 23 November"
        for shown in (message.text, message.html):
            opening = shown.index("Dear Leo, we look forward to Monday 23 November.")
            assert opening < shown.index("BOT-2026-0212") < shown.index("Your team")
            assert "$119.00 (to be paid)" in shown

    def test_say_nothing_while_they_are_a_draft(self, operations):
        draft(operations)

        assert "Dear Leo" not in write().text

    def test_stay_out_of_other_kinds(self, operations):
        approve(draft(operations), operations)

        assert "Dear Leo" not in write(kind=Message.Kind.MOVED).text

    def test_keep_what_a_name_brings_with_it_from_working(self, operations):
        approve(draft(operations), operations)

        message = write(first_name="<b>{when}</b>")

        assert "&lt;b&gt;{when}&lt;/b&gt;" in message.html

    @pytest.mark.parametrize("kind", [kind for kind, _ in words.EDITABLE])
    def test_have_something_for_every_brace_of_a_kind(self, kind):
        said = words.filled(
            MessageWords(opening=" ".join(f"<{{{name}}}>" for name in words.PLACEHOLDERS[kind])), samples.FACTS
        )

        assert "<>" not in said.opening
        assert "{" not in said.opening


class TestFaults:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "We look forward to {day}, {first_name}.",
            "Doors open at 8:45 am, e.g. for you.\n\nBring 2 letters & a pen.",
        ],
    )
    def test_finds_none_in_plain_words(self, text):
        assert words.faults(CONFIRMATION, opening=text, subject="", closing=text) == {}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("Hello {surname}", "{surname} is not known in this e-mail. Known: {first_name}, {practitioner}"),
            ("Hello {first_name", "A brace stands alone"),
            ("Hello {{first_name}}", "A brace stands alone"),
            ("Hello {First_Name}", "A brace stands alone"),
            ("Hello {first_name.__class__}", "A brace stands alone"),
            ("<b>Hello</b>", "plain text"),
            ("Hello <!-- x", "plain text"),
            ("Hello &lt;b", "plain text"),
            ("See https://evil.example", "No links"),
            ("See www.evil", "No links"),
            ("See evil.com now", "No links"),
            ("Write to me@evil", "No links"),
            ("javascript://x", "No links"),
            ("4242 4242 4242 4242", "card number"),
            ("Hello \0", "character"),
            ("Hello \u202eolleh", "character"),
            ("Hello \u200bthere", "character"),
            ("x" * 1001, "1000 characters"),
        ],
    )
    def test_says_what_cannot_be_said(self, text, said):
        assert said in " ".join(words.faults(CONFIRMATION, opening=text)["opening"])

    def test_keeps_a_subject_in_one_line(self):
        assert words.faults(CONFIRMATION, subject="Hello\r\nBcc: all")

    def test_knows_which_braces_belong_to_which_e_mail(self):
        assert words.faults(Message.Kind.NO_ANSWER, opening="{practitioner}")
        assert not words.faults(Message.Kind.NO_ANSWER, opening="{first_name}")


class TestBegin:
    def test_copies_what_is_in_use(self, operations):
        first = approve(draft(operations), operations)

        second = words.begin(kind=CONFIRMATION, by=operations, now=timezone.now())

        assert (second.version, second.state, second.opening) == (first.version + 1, "draft", OPENING)

    def test_leaves_a_draft_to_whoever_began_it(self, operations):
        draft(operations)

        with pytest.raises(RuleBroken):
            words.begin(kind=CONFIRMATION, by=operations, now=timezone.now())

    @pytest.mark.parametrize("kind", ["escalation", "nurture", "nothing"])
    def test_offers_no_words_where_there_is_no_place_for_them(self, operations, kind):
        with pytest.raises(Malformed):
            words.begin(kind=kind, by=operations, now=timezone.now())


class TestApprove:
    def test_retires_the_version_before(self, operations):
        first = approve(draft(operations), operations)

        second = approve(draft(operations, opening="Hello"), operations)

        first.refresh_from_db()
        assert (first.state, second.state) == ("retired", "in_use")
        assert (second.approved_by, gate.is_approved("message:confirmation:opening", "Hello")) == (operations, True)

    def test_is_for_those_who_may(self, operations):
        row = draft(operations)

        with pytest.raises(NotAllowed):
            approve(row, UserFactory(roles=["consultant"]))

    def test_refuses_risky_words_as_every_public_text(self, operations):
        RiskyWord.objects.create(words="wonder drug", weight="refused", why="It promises.")

        with pytest.raises(DomainError, match="wonder drug"):
            approve(draft(operations, opening="Our wonder drug"), operations)

        assert MessageWords.objects.get().state == "draft"

    @pytest.mark.parametrize("opening", ["", " ", "See https://evil.example", "{nobody}"])
    def test_refuses_what_says_nothing_or_what_cannot_be_said(self, operations, opening):
        with pytest.raises(Malformed):
            approve(draft(operations, opening=opening), operations)

    def test_is_done_once(self, operations):
        row = approve(draft(operations), operations)

        with pytest.raises(words.NotADraft):
            approve(row, operations)


class TestRetire:
    def test_goes_back_to_the_portals_own_words(self, operations):
        row = approve(draft(operations), operations)

        words.retire(words_id=row.pk, by=operations, now=timezone.now())

        assert "Dear Leo" not in write().text

    def test_is_for_what_is_in_use(self, operations):
        with pytest.raises(RuleBroken):
            words.retire(words_id=draft(operations).pk, by=operations, now=timezone.now())
