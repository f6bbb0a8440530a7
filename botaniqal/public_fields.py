"""What visitors are asked in forms, by the same rules as in the API."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from . import names, phones
from .cards import validate_none


class Name(forms.CharField):
    """A person's name."""

    default_error_messages = {"required": "Tell us your name.", "name": names.UNREADABLE}

    def __init__(self, **kwargs: Any) -> None:
        """Ask for a name."""
        super().__init__(**{"label": "Your name", "max_length": names.LONGEST} | kwargs)
        self.widget.attrs["autocomplete"] = "name"

    def clean(self, value: Any) -> str:
        """Read a name."""
        typed = super().clean(value)
        name = names.kept(typed) if typed else ""
        if name is None:
            raise ValidationError(self.error_messages["name"])
        return name


class Email(forms.EmailField):
    """An e-mail address."""

    default_error_messages = {
        "required": "Tell us your e-mail address.",
        "invalid": "Write the whole address, like sam@example.com.",
    }

    def __init__(self, **kwargs: Any) -> None:
        """Ask for an e-mail address."""
        super().__init__(**{"label": "E-mail", "max_length": 254} | kwargs)
        self.widget.attrs |= {"autocomplete": "email", "spellcheck": "false"}


class Phone(forms.CharField):
    """A phone number, as one writes it in Australia or with its country."""

    default_error_messages = {
        "required": "Tell us your phone number.",
        "phone": "Write the number like 0412 345 678, or with its country like +64 21 123 4567.",
    }

    def __init__(self, **kwargs: Any) -> None:
        """Ask for a phone number."""
        widget = forms.TextInput({"type": "tel", "autocomplete": "tel"})
        super().__init__(**{"label": "Phone", "max_length": 40, "widget": widget} | kwargs)

    def clean(self, value: Any) -> str:
        """Read a number and write it as +61412345678."""
        typed = super().clean(value)
        number = phones.kept(typed) if typed else ""
        if number is None:
            raise ValidationError(self.error_messages["phone"])
        return number


class Words(forms.CharField):
    """Words of one's own, in which no card number may stand."""

    def __init__(self, **kwargs: Any) -> None:
        """Ask for some words."""
        widget = forms.Textarea({"rows": 4})
        super().__init__(**{"widget": widget, "required": False, "validators": [validate_none]} | kwargs)
