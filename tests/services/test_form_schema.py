"""The JSON Schema that says what a form asks."""

import json
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from services.form_questions import BadForm, Condition, Kind, Question
from services.form_schema import parse, read, write

QUESTIONS = (
    Question(name="concern", text="What brings you here?", kind=Kind.LONG, is_required=True, section="You"),
    Question(name="ill", text="Are you ill?", kind=Kind.YES_NO, is_required=True),
    Question(
        name="illness", text="With what?", kind=Kind.TEXT, is_required=True, most=80, only_if=Condition("ill", "yes")
    ),
    Question(name="age", text="How old are you?", kind=Kind.WHOLE, least=0, most=120),
    Question(name="weight", text="How heavy?", kind=Kind.NUMBER, least=0.5, help="In kg."),
    Question(name="since", text="Since when?", kind=Kind.DATE),
    Question(name="sleep", text="How do you sleep?", kind=Kind.CHOICE, choices=("Well", "Badly")),
    Question(name="eats", text="What do you eat?", kind=Kind.CHOICES, choices=("Meat", "Fish", "Plants")),
    Question(name="agrees", text="I agree", kind=Kind.TICK, is_required=True),
    Question(name="more", text="And more?", kind=Kind.TEXT, only_if=Condition("agrees", True)),
)


@pytest.fixture
def schema():
    return deepcopy(write(QUESTIONS))


def faults_of(schema):
    with pytest.raises(BadForm) as refused:
        read(schema)
    return refused.value.details


def set_at(schema, place, value):
    *path, last = place.split(".")
    for step in path:
        schema = schema[step]
    schema[last] = value


class TestWrite:
    def test_gives_a_schema_of_the_draft_that_it_names(self, schema):
        Draft202012Validator.check_schema(schema)

    def test_is_read_again_as_the_same_questions(self, schema):
        filled = [one.most for one in read(schema)]

        assert [one.name for one in read(schema)] == [one.name for one in QUESTIONS]
        assert write(read(schema)) == schema
        assert filled[0] == 5_000  # the longest answer is said where nobody chose one

    def test_leaves_a_question_out_that_was_not_asked(self, schema):
        judge = Draft202012Validator(schema)
        said = {"concern": "Sleep", "ill": "no", "agrees": True}

        assert judge.is_valid(said)
        assert not judge.is_valid({**said, "illness": "Flu"})
        assert not judge.is_valid({**said, "ill": "yes"})
        assert judge.is_valid({**said, "ill": "yes", "illness": "Flu"})


class TestRead:
    @pytest.mark.parametrize(
        ("place", "value", "named"),
        [
            ("type", "array", "type"),
            ("additionalProperties", True, "additionalProperties"),
            ("patternProperties", {}, "patternProperties"),
            ("properties", [], "properties"),
            ("required", ["nobody"], "required"),
            ("required", ["ill", "ill"], "required"),
            ("required", "ill", "required"),
            ("required", [["ill"]], "required"),
            ("x-order", ["ill"], "x-order"),
            ("allOf", {}, "allOf"),
            ("allOf", [{"if": 1}], "allOf[0]"),
            ("allOf", [None], "allOf[0]"),
            ("properties.ill", None, "properties.ill"),
            ("properties.ill", {"type": "null"}, "properties.ill"),
            ("properties.ill", {"type": ["string"]}, "properties.ill"),
            ("properties.ill", {"$ref": "#"}, "properties.ill"),
            ("properties.ill.title", "", "properties.ill.title"),
            ("properties.ill.title", 5, "properties.ill.title"),
            ("properties.ill.title", "x" * 301, "properties.ill.title"),
            ("properties.ill.title", "a\0b", "properties.ill.title"),
            ("properties.ill.title", "Card 4111 1111 1111 1111", "properties.ill.title"),
            ("properties.ill.description", "\ud800", "properties.ill.description"),
            ("properties.ill.enum", ["yes", "no"], "properties.ill.enum"),
            ("properties.concern.pattern", "(a+)+$", "properties.concern.pattern"),
            ("properties.concern.format", "date", "properties.concern.format"),
            ("properties.concern.maxLength", 0, "properties.concern.maximum"),
            ("properties.concern.maxLength", 5001, "properties.concern.maximum"),
            ("properties.concern.maxLength", 10**400, "properties.concern.maxLength"),
            ("properties.concern.maxLength", True, "properties.concern.maxLength"),
            ("properties.age.minimum", 500, "properties.age.minimum"),
            ("properties.age.minimum", float("inf"), "properties.age.minimum"),
            ("properties.age.minimum", "0", "properties.age.minimum"),
            ("properties.sleep.enum", ["Well"], "properties.sleep.enum"),
            ("properties.sleep.enum", ["Well", "well "], "properties.sleep.enum"),
            ("properties.sleep.enum", [str(n) for n in range(41)], "properties.sleep.enum"),
            ("properties.sleep.enum", "Well", "properties.sleep.enum"),
            ("properties.eats.items", ["Meat", "Fish"], "properties.eats.enum"),
            ("properties.eats.uniqueItems", False, "properties.eats.uniqueItems"),
            ("properties.agrees.const", False, "properties.agrees.const"),
        ],
    )
    def test_names_a_fault_by_its_place(self, schema, place, value, named):
        set_at(schema, place, value)

        assert named in faults_of(schema)

    @pytest.mark.parametrize("whole", [None, [], "text", 5, True])
    def test_wants_an_object(self, whole):
        assert "schema" in faults_of(whole)

    @pytest.mark.parametrize("name", ["Ill", "1ill", "i-ll", "x" * 41, "revision", "csrfmiddlewaretoken", "ill\n", ""])
    def test_refuses_a_name_that_a_page_cannot_have(self, schema, name):
        schema["properties"][name] = {"type": "string", "title": "What?"}
        schema["x-order"].append(name)

        assert f"properties.{name}" in faults_of(schema)

    def test_refuses_more_questions_than_anybody_answers(self):
        many = write([Question(name=f"q{n}", text="What?", kind=Kind.TEXT) for n in range(61)])

        assert "properties" in faults_of(many)

    @pytest.mark.parametrize(
        ("name", "condition"),
        [
            ("concern", Condition("ill", "yes")),
            ("more", Condition("ill", "maybe")),
            ("more", Condition("eats", "Meat")),
            ("more", Condition("nobody", "yes")),
            ("more", Condition("more", "yes")),
            ("more", Condition("agrees", "yes")),
            ("more", Condition("illness", "yes")),
        ],
        ids=["below it", "no such answer", "several answers", "nobody", "itself", "no tick", "asked sometimes"],
    )
    def test_refuses_a_condition_that_a_page_cannot_keep(self, name, condition):
        changed = [replace(one, only_if=condition) if one.name == name else one for one in QUESTIONS]

        assert list(faults_of(write(changed))) == [f"properties.{name}.if"]

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["type", "title", "enum", "items", "if", "else", "properties", "required", "allOf"])
                    | st.text(max_size=5),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
        st.sampled_from(["properties", "required", "x-order", "allOf", "type", "properties.ill", "properties.age"]),
    )
    def test_reads_or_refuses_whatever_it_is_given(self, value, place):
        schema = deepcopy(write(QUESTIONS))
        set_at(schema, place, value)

        for tried in (schema, value):
            try:
                assert write(read(tried)) is not None
            except BadForm as refused:
                json.dumps(refused.details, ensure_ascii=False).encode()  # fit for a page


class TestParse:
    @pytest.mark.parametrize(
        "text",
        ["", "{", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000, "1" * 5_000],
        ids=lambda text: text[:12] or "nothing",
    )
    def test_refuses_what_is_no_clean_json(self, text):
        with pytest.raises(BadForm, match="not saved"):
            parse(text)
