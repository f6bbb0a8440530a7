"""The rules that a form's questions keep."""

from dataclasses import replace

import pytest

from services import form_questions
from services.form_questions import BadForm, Kind, Question, check, name_for

ASKED = Question(name="sleep", text="How do you sleep?", kind=Kind.CHOICE, choices=("Well", "Badly"))


class TestCheck:
    def test_names_faults_by_the_place_in_the_list(self):
        with pytest.raises(BadForm) as refused:
            check([ASKED, replace(ASKED, text=" ", choices=("Well",))])

        assert list(refused.value.details) == ["questions[1]", "questions[1].text", "questions[1].choices"]


class TestNameFor:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("How old are you?", "how_old_are_you"),
            ("2 or 3 things?", "or_3_things"),
            ("?", "question"),
            ("Wie groß?", "wie_gro"),
            ("Revision", "revision_2"),
            ("Taken", "taken_3"),
        ],
    )
    def test_makes_a_name_of_the_words_that_is_free(self, text, name):
        made = name_for(text, {"taken", "taken_2"})

        assert made == name
        assert form_questions.NAME.fullmatch(made)
