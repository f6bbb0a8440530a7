"""A form of a visit, and filling it in."""

from typing import Any

from django.utils import timezone

from bookings.intake import form_filling
from bookings.models import Booking, FormAnswers
from services import form_schema, forms
from services.form_questions import Kind, Question
from services.models import Form, FormVersion
from tests.factories import UserFactory

NOW = timezone.now()
ASKED = (
    Question(name="concern", text="What brings you here?", kind=Kind.LONG, is_required=True),
    Question(name="age", text="How old are you?", kind=Kind.WHOLE, least=0, most=120),
)


def published(form: Form, *questions: Question) -> FormVersion:
    """Let a form ask something else from now on."""
    draft = forms.begin_draft(form_id=form.pk, by=None)
    forms.save_draft(version_id=draft.pk, intro="Hello", schema=form_schema.write(questions or ASKED), by=None)
    return forms.publish(version_id=draft.pk, by=UserFactory(roles=["operations"]), now=NOW)


def save(booking: Booking, revision: int = 0, version: FormVersion | None = None, now=NOW, **said: Any) -> FormAnswers:
    """Keep a draft of the form of a visit."""
    version = version or form_filling.asked_of(booking).version or FormVersion.objects.get(form__slug="intake")
    return form_filling.save_draft(booking_id=booking.pk, version=version, said=said, revision=revision, now=now)


def sent(booking: Booking, **said: Any) -> FormAnswers:
    """Send the form of a visit off."""
    row = save(booking, **{"concern": "Sleep", **said})
    return form_filling.send(booking_id=booking.pk, revision=row.draft_revision, now=NOW)
