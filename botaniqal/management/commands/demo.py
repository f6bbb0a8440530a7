"""Fill the demo."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from bookings.models import Booking
from bookings.self_service.online import NotOnline
from botaniqal.integrations.http import VendorRefused, VendorUnavailable
from botaniqal.management.demo import (
    acts,
    calendars,
    calls,
    clinic,
    earlier_list,
    payments,
    quarter,
    script,
    stripe_past,
)
from botaniqal.messages.models import Message
from triage.models import TriageSession


class Command(BaseCommand):
    """Fill the demo with people and calls, once, and make the sandbox know their calendars."""

    help = "Fill the demo with invented people and calls; a second run only catches up with the sandbox."

    def handle(self, **options) -> None:
        """Fill it."""
        if not settings.DEMO:
            raise CommandError("This is no demo. Its people and passwords must never get into a real clinic.")
        if clinic.is_open():
            self.stdout.write("The demo data are there already.")
        else:
            self.load()
        clinic.book_online()
        if self.tell_sandbox():
            self.pay_online()

    @transaction.atomic
    def load(self) -> None:
        """Load all of the demo's data, or nothing."""
        if missing := clinic.missing_codes():
            raise CommandError(
                f"The catalogue has no {', '.join(sorted(missing))}. "
                "First run: manage.py load_catalogue services/catalogue.json"
            )
        people = clinic.open_clinic()
        calendars.enter_event_types()
        clinic.publish(now=timezone.now())
        script.approve(by=people["dia"].user, now=timezone.now())
        now = timezone.now()
        quarter.live_through(people=people, now=now)
        calls.make_calls(people=people, now=now)
        earlier_list.fill(people=people, now=now)
        acts.forget_what_is_past(Booking.objects.all(), now)
        acts.let_have_gone_out(Message.objects.filter(kind=Message.Kind.EARLIER_OFFER), now)
        calls_made = TriageSession.objects.count()
        self.stdout.write(f"Loaded {len(clinic.LOGINS)} logins, {len(people)} practitioners, {calls_made} calls.")

    def tell_sandbox(self) -> bool:
        """Make the event types known to the sandbox, if there is one, and say whether it listened."""
        if not calendars.is_sandbox_named():
            self.stdout.write("CALENDLY_BASE_URL names no sandbox, so nobody was told of the event types.")
            return False
        try:
            told = calendars.tell_sandbox()
        except (VendorUnavailable, VendorRefused) as error:
            self.stdout.write(f"The sandbox was not told of the event types ({error}). Run this again once it runs.")
            return False
        self.stdout.write(f"The sandbox knows {told} event types.")
        return True

    def pay_online(self) -> None:
        """Let some visitors book and pay at the sandbox, if there is one."""
        if not payments.is_sandbox_named():
            return
        try:
            paid = stripe_past.pay(now=timezone.now()) + payments.pay_online(now=timezone.now())
        except (VendorUnavailable, VendorRefused) as error:
            self.stdout.write(f"Nobody paid online ({error}). Run this again once the sandbox runs.")
        except NotOnline as refusal:  # closed by somebody, or by what an older version's data lack
            self.stdout.write(f"Nobody else booked online. {refusal.message} ./dev reset begins anew.")
        else:
            self.stdout.write(f"{paid} visitors booked and paid online.")
