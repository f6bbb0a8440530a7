import pytest

from triage import wording


class TestWarnings:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("You don't smoke, do you?", "expects a no"),
            ("Isn't it worse at night?", "expects a yes"),
            ("Don’t you sleep badly?", "expects a yes"),
            ("No chest pain?", "expects a no"),
            ("Surely you have seen a GP?", "what you expect"),
            ("You live in Victoria, right?", "what you expect"),
            ("Is it just a headache?", "makes the matter small"),
            ("Do you smoke? Do you drink?", "two questions"),
            ("Do you sleep badly and are you tired?", "two questions"),
            ("Have you used Ozempic?", "must not be named"),
            ("Would you like a treatment that will help?", "promises"),
            ("Any pain at all?", "expects a no"),
        ],
    )
    def test_finds_what_leads(self, text, why):
        assert any(why in warning for warning in wording.warnings(text))

    @pytest.mark.parametrize(
        "text",
        [
            "Do you have chest pain, or trouble breathing?",
            "Which medicines and supplements do you take?",
            "How long has this been going on?",
            "Are you pregnant or breastfeeding?",
            "Have you thought of harming yourself?",
            "What would you like to be different?",
            "Do you have any allergies?",
        ],
    )
    def test_lets_open_questions_pass(self, text):
        assert wording.warnings(text) == []
