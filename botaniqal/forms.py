"""How the admin's forms ask: phone numbers, the browser's own pickers, rows that belong to a row."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest

from botaniqal import phones


def kept_phone(typed: str) -> str:
    """
    Write a phone number as it is kept, +61412345678, however it was typed; without a country it is Australian.

    :raises ValidationError: it is none.
    """
    if number := phones.kept(typed):
        return number
    raise ValidationError("That is no phone number. Write it as 0412 345 678, or from abroad as +64 21 123 4567.")


class WithPhone(forms.ModelForm):
    """A form whose phone number is put in order when it is typed; what came in otherwise stays as it came."""

    def clean_phone(self) -> str:
        typed = self.cleaned_data["phone"]
        return kept_phone(typed) if typed and "phone" in self.changed_data else typed


# The browser's own pickers: they know the keyboard, the phone and the person's language. Many of few are ticked.
PICKERS = {
    models.ManyToManyField: {"widget": forms.CheckboxSelectMultiple(attrs={"class": "checkbox-grid"})},
    models.DateField: {"widget": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})},
    models.TimeField: {"widget": forms.TimeInput(format="%H:%M", attrs={"type": "time"})},
    models.DateTimeField: {
        "form_class": forms.DateTimeField,
        "widget": forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    },
    models.URLField: {"widget": forms.URLInput(attrs={"class": "vURLField"}), "assume_scheme": "https"},
}


class PlainFields:
    """Fields without the admin's windows in windows: choices are plain, and each thing is edited on its own page."""

    formfield_overrides = PICKERS

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field


class InlineForm(forms.ModelForm):
    """A row that belongs to a row, held against the constraints over both, which Django leaves to the database."""

    def validate_unique(self) -> None:
        super().validate_unique()
        if self.errors:
            return
        try:
            self.instance.validate_constraints(exclude=self._get_validation_exclusions())
        except ValidationError as refusal:
            self._update_errors(refusal)
