"""What somebody filled in, as it was typed, judged and shown."""

import json
from contextlib import suppress
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from botaniqal.errors import Malformed
from services import form_questions, form_reading, form_schema
from services.form_questions import Condition, Kind

from .test_form_schema import QUESTIONS

SCHEMA = form_schema.write(QUESTIONS)
WELL = {"concern": "Sleep", "ill": "no", "agrees": "yes"}


def typed(**said):
    return form_reading.typed(QUESTIONS, QueryDict(urlencode(said, doseq=True)))


def judge(**said):
    return form_reading.judge(SCHEMA, QUESTIONS, typed(**{**WELL, **said}))


class TestTyped:
    def test_takes_the_questions_alone_and_leaves_out_what_is_empty(self):
        said = typed(concern=" Sleep\r\nand pain ", age="", eats=["Meat", "Fish", "Meat"], zone="x", hack="1")

        assert said == {"concern": "Sleep\nand pain", "eats": ["Meat", "Fish"]}


class TestRequireFit:
    @pytest.mark.parametrize(
        ("name", "said", "sentence"),
        [
            ("concern", "x" * 5001, "shorten this to 5000"),
            ("illness", "x" * 81, "shorten this to 80"),
            ("age", "9" * 151, "shorten this"),
            ("eats", ["Meat", "x" * 151], "shorten this"),
            ("concern", "a\0b", "cannot be kept"),
            ("concern", "Take 4111 1111 1111 1111", "card number"),
            ("age", "4111111111111111", "card number"),
        ],
    )
    def test_refuses_what_cannot_be_kept(self, name, said, sentence):
        with pytest.raises(Malformed) as refused:
            form_reading.require_fit(QUESTIONS, typed(**{name: said}))

        assert list(refused.value.details) == [name]
        assert sentence in refused.value.details[name][0]


class TestJudge:
    def test_gives_values_as_the_schema_has_them(self):
        values, problems = judge(age="42", weight="72,5", since="3/4/2020", eats=["Fish"], sleep="Well")

        assert problems == {}
        assert values == {
            "concern": "Sleep",
            "ill": "no",
            "agrees": True,
            "age": 42,
            "weight": 72.5,
            "since": "2020-04-03",
            "eats": ["Fish"],
            "sleep": "Well",
        }

    @pytest.mark.parametrize(
        ("said", "name", "sentence"),
        [
            ({"concern": "  "}, "concern", "Please answer this question."),
            ({"agrees": ""}, "agrees", "Please tick this to go on."),
            ({"ill": "yes"}, "illness", "Please answer this question."),
            ({"illness": "Flu"}, "illness", "You answered “Are you ill?” otherwise."),
            ({"ill": "", "illness": "Flu"}, "illness", "You answered “Are you ill?” otherwise."),
            ({"ill": "perhaps"}, "ill", "Please choose from the answers"),
            ({"age": "old"}, "age", "Write a whole number, as 12."),
            ({"age": "4.5"}, "age", "Write a whole number, as 12."),
            ({"age": "٤"}, "age", "Write a whole number, as 12."),
            ({"age": "-1"}, "age", "Please write at least 0."),
            ({"age": "121"}, "age", "Please write at most 120."),
            ({"weight": "1e9"}, "weight", "Write a number, as 72.5."),
            ({"weight": "0"}, "weight", "Please write at least 0.5."),
            ({"since": "31/02/2020"}, "since", "Write a day"),
            ({"since": "yesterday"}, "since", "Write a day"),
            ({"sleep": "Perfectly"}, "sleep", "Please choose from the answers"),
            ({"eats": ["Meat", "Stones"]}, "eats", "Please choose from the answers"),
        ],
    )
    def test_says_what_is_wrong_beside_the_question(self, said, name, sentence):
        _, problems = judge(**said)

        assert sentence in problems[name]

    def test_names_problems_in_the_forms_order(self):
        _, problems = form_reading.judge(SCHEMA, QUESTIONS, {})

        assert list(problems) == ["concern", "ill", "agrees"]


class TestRows:
    def test_says_answers_in_words_and_keeps_their_values(self):
        values, _ = judge(weight="72.50", since="2020-04-03", eats=["Fish", "Meat"])

        told = {row["name"]: (row["answer"], row["value"]) for row in form_reading.rows(QUESTIONS, values)}

        assert told == {
            "concern": ("Sleep", "Sleep"),
            "ill": ("No", "no"),
            "weight": ("72.5", 72.5),
            "since": ("3 April 2020", "2020-04-03"),
            "eats": ("Fish, Meat", ["Fish", "Meat"]),
            "agrees": ("Yes", True),
        }


class TestSections:
    def test_shows_what_another_window_has_where_it_differs(self):
        theirs = typed(concern="Pain", sleep="Well", agrees="yes")

        shown = {
            field.question.name: field.theirs
            for _, fields in form_reading.sections(QUESTIONS, typed(concern="Sleep", agrees="yes"), theirs=theirs)
            for field in fields
        }

        assert {name: words for name, words in shown.items() if words} == {"concern": "Pain", "sleep": "Well"}

    def test_says_after_which_answer_a_question_is_asked(self):
        fields = {one.question.name: one for _, part in form_reading.sections(QUESTIONS, {}) for one in part}

        assert fields["illness"].only_if == "Only if you answered “Yes” to “Are you ill?”"
        assert fields["more"].only_if == "Only if you ticked “I agree”"
        assert (fields["illness"].condition_value, fields["more"].condition_value) == ("yes", "yes")


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)


@st.composite
def questions(draw):
    """Any list of questions that ``check`` accepts."""
    made = []
    for n in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(list(Kind)))
        deciding = [one for one in made if one.kind in form_questions.DECIDING and not one.only_if]
        condition = None
        if deciding and draw(st.booleans()):
            other = draw(st.sampled_from(deciding))
            value = True if other.kind == Kind.TICK else draw(st.sampled_from(list(other.answers)))
            condition = Condition(other.name, value)
        least = draw(st.none() | st.integers(-50, 50)) if kind in form_questions.NUMBERS else None
        texts = {"text": draw(WORDS), "help": draw(st.just("") | WORDS), "section": draw(st.just("") | WORDS)}
        choices = draw(st.lists(WORDS, min_size=2, max_size=4)) if kind in form_questions.WITH_CHOICES else []
        made.append(
            form_questions.Question(
                name=f"q{n}",
                kind=kind,
                choices=tuple(choices),
                least=least,
                most=None if least is None else draw(st.none() | st.integers(least, least + 9)),
                is_required=draw(st.booleans()),
                only_if=condition,
                **texts,
            )
        )
    return made


ANSWERS = st.sampled_from(["yes", "no", "unsure", "5", "-3", "7.5", "2020-02-30", "1/2/2020", "²", "٣", "1e5", ""])


class TestAnyForm:
    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_renders_and_takes_or_refuses_any_body_in_sentences(self, data):
        asked = data.draw(questions())
        try:
            form_questions.check(asked)
        except form_questions.BadForm:
            return
        schema = form_schema.write(asked)
        asked = form_schema.read(json.loads(json.dumps(schema)))
        posted = QueryDict(mutable=True)
        for one in asked:
            offered = st.sampled_from(list(one.answers)) if one.answers else ANSWERS
            posted.setlist(one.name, data.draw(st.lists(offered | ANSWERS | st.text(), max_size=3)))
        said = form_reading.typed(asked, posted)

        with suppress(Malformed):
            form_reading.require_fit(asked, said)
        values, problems = form_reading.judge(schema, asked, said)

        assert all(problems.values())
        if not problems:
            assert [row["name"] for row in form_reading.rows(asked, values)] == [
                one.name for one in asked if one.name in values
            ]
        for _, fields in form_reading.sections(asked, said, problems, theirs={}):
            assert all(field.options is not None and field.described_by is not None for field in fields)
