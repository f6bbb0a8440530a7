"""The clinic's form at JotForm: its questions, what a visitor fills in, and the two ways in which JotForm writes it."""

from typing import Any

from django import forms

# By JotForm's question number: name, type, text.
QUESTIONS = {
    "3": ("fullName", "control_fullname", "Your name"),
    "4": ("email", "control_email", "E-mail"),
    "5": ("phoneNumber", "control_phone", "Mobile number"),
    "6": ("dateOfBirth", "control_datetime", "Date of birth"),
    "7": ("interest", "control_checkbox", "What are you interested in?"),
    "8": ("concern", "control_textarea", "What would you like help with?"),
    "9": ("medicines", "control_textarea", "Which medicines do you take?"),
    "10": ("bookingReference", "control_textbox", "Booking reference, if you have one"),
}
INTERESTS = ("Alternative medicine", "GAPS diet", "Weight management", "Sleep")


def _text() -> forms.Textarea:
    return forms.Textarea(attrs={"rows": 4})


class IntakeForm(forms.Form):
    """The clinic's first questions, as a visitor of its website meets them."""

    first_name = forms.CharField(max_length=40)
    last_name = forms.CharField(max_length=40)
    email = forms.EmailField(label="E-mail")
    phone = forms.CharField(max_length=20, label="Mobile number")
    born = forms.DateField(label="Date of birth", widget=forms.DateInput(attrs={"type": "date"}), required=False)
    interest = forms.MultipleChoiceField(
        label="What are you interested in?",
        choices=[(word, word) for word in INTERESTS],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    concern = forms.CharField(max_length=2000, label="What would you like help with?", widget=_text())
    medicines = forms.CharField(max_length=2000, label="Which medicines do you take?", widget=_text(), required=False)
    booking = forms.CharField(max_length=60, label="Booking reference, if you have one", required=False)


def written(filled: dict[str, Any]) -> dict[str, Any]:
    """Write what a visitor filled in as JotForm keeps it: an answer by question number."""
    born = filled["born"]
    return {
        "3": {"first": filled["first_name"], "last": filled["last_name"]},
        "4": filled["email"],
        "5": {"full": filled["phone"]},
        "6": {"year": f"{born:%Y}", "month": f"{born:%m}", "day": f"{born:%d}"} if born else "",
        "7": filled["interest"],
        "8": filled["concern"],
        "9": filled["medicines"],
        "10": filled["booking"],
    }


def as_content(answers: dict[str, Any]) -> dict[str, Any]:
    """Write answers as the API hands them out."""
    content = {}
    for order, (number, (name, kind, text)) in enumerate(QUESTIONS.items(), start=1):
        content[number] = {"name": name, "order": str(order), "text": text, "type": kind}
        # JotForm leaves out what was not answered.
        if answers.get(number):
            content[number] |= {"answer": answers[number]} | _pretty(answers[number])
    content["2"] = {"name": "submit", "order": str(len(QUESTIONS) + 1), "text": "Send", "type": "control_button"}
    return content


def as_raw_request(answers: dict[str, Any]) -> dict[str, Any]:
    """Write answers as they stand in the webhook's `rawRequest`."""
    return {f"q{number}_{QUESTIONS[number][0]}": answer for number, answer in answers.items()}


def as_pretty(answers: dict[str, Any]) -> str:
    """Write answers as the webhook's one line for people."""
    return ", ".join(f"{QUESTIONS[number][2]}:{_line(answer)}" for number, answer in answers.items() if answer)


def _pretty(answer: Any) -> dict[str, str]:
    return {} if isinstance(answer, str) else {"prettyFormat": _line(answer)}


def _line(answer: Any) -> str:
    if isinstance(answer, dict):
        return " ".join(answer.values())
    return "; ".join(answer) if isinstance(answer, list) else answer
