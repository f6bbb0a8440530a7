"""What makes an appointment type fit to be offered, as operations would do it."""

from django.utils import timezone

from botaniqal.wording import gate
from practitioners import publish_check
from services import catalogue_words, prices
from services.models import Form, FormVersion, Service
from tests.factories import UserFactory

NOBODY_IN_PARTICULAR = "The words are invented."


def approve_words(*services: Service) -> None:
    """Have somebody of the management approve all words of services."""
    by = UserFactory(roles=["management"])
    for service in services:
        texts = catalogue_words.texts_to_approve(service)
        gate.approve(texts=texts, reason=NOBODY_IN_PARTICULAR, by=by, now=timezone.now())


def give_forms(service: Service) -> None:
    """Let a service ask something before first and further visits."""
    form = Form.objects.create(slug=f"of-{service.slug}", name="Before your visit")
    FormVersion.objects.create(form=form, version=1, schema={}, state=FormVersion.State.IN_USE)
    service.initial_form = service.followup_form = form
    service.save()


def check_again() -> int:
    """Run the publish check as the bell does."""
    now = timezone.now()
    return publish_check.refresh(day=prices.clinic_day(now), now=now)
