"""Form fields that several pages share."""

from datetime import datetime

from django import forms


class Moment(forms.DateTimeField):
    """A moment on the clinic's clock, of this century."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 300}, format="%Y-%m-%dT%H:%M")

    def validate(self, value: datetime | None) -> None:
        """Refuse a year with which nobody can reckon."""
        super().validate(value)
        if value and not 2000 <= value.year < 2100:
            raise forms.ValidationError("Give a day of this century.")
