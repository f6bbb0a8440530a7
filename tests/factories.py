"""The smallest valid thing of each kind; traits for its states."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import factory
from factory.django import DjangoModelFactory

from bookings.models import Booking, Patient
from botaniqal.accounts.models import User
from practitioners.models import CalendlyEventType, Practitioner, Room, WorkingHours
from services.models import AppointmentType, Price, Service
from triage.models import TriageSession

MELBOURNE = ZoneInfo("Australia/Melbourne")


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@botaniqal.example")
    password = factory.django.Password("a long enough password")

    @factory.post_generation
    def roles(self, create, names):
        """Add the person to roles, made by migration."""
        for name in names or []:
            self.groups.add(self.groups.model.objects.get(name=name))


class ServiceFactory(DjangoModelFactory):
    class Meta:
        model = Service

    slug = factory.Sequence(lambda n: f"service-{n}")
    name = "Alternative Medicine"
    status = Service.Status.ACTIVE


class AppointmentTypeFactory(DjangoModelFactory):
    class Meta:
        model = AppointmentType
        skip_postgeneration_save = True

    class Params:
        free = factory.Trait(
            kind=AppointmentType.Kind.CONSULTATION, name="Free consultation", is_payment_required=False, price=0
        )
        in_person = factory.Trait(mode=AppointmentType.Mode.IN_PERSON, minutes=20, name="Initial in person")

    service = factory.SubFactory(ServiceFactory)
    code = factory.Sequence(lambda n: f"initial-{n}")
    name = "Initial"
    kind = AppointmentType.Kind.INITIAL
    minutes = 15
    practitioner_types = ["doctor"]
    medirecords_type = "CONSULT_ALT_30"
    verdict = AppointmentType.Verdict.GREEN

    @factory.post_generation
    def price(self, create, amount):
        """Give it a price since long ago: 119, or the amount that was passed; None for no price."""
        if amount != "none":
            Price.objects.create(
                appointment_type=self, amount=Decimal(119) if amount is None else amount, starts_on=date(2024, 1, 1)
            )


class PractitionerFactory(DjangoModelFactory):
    class Meta:
        model = Practitioner
        skip_postgeneration_save = True

    class Params:
        consultant = factory.Trait(
            type="consultant",
            name=factory.Sequence(lambda n: f"Consultant {n}"),
            user=factory.SubFactory(UserFactory, roles=["consultant"]),
        )

    name = factory.Sequence(lambda n: f"Dr {n}")
    type = "doctor"
    email = factory.Sequence(lambda n: f"practitioner{n}@botaniqal.example")
    medirecords_provider_id = factory.Faker("uuid4")

    @factory.post_generation
    def gives(self, create, types):
        """Let them give appointment types."""
        self.appointment_types.add(*(types or []))

    @factory.post_generation
    def hours(self, create, spans):
        """Work every day of the week from 9 to 17, or in the span that was passed; False for no hours."""
        if spans is not False:
            starts, ends = spans or (time(9), time(17))
            for weekday in range(7):
                WorkingHours.objects.create(practitioner=self, weekday=weekday, starts=starts, ends=ends)


class RoomFactory(DjangoModelFactory):
    class Meta:
        model = Room

    name = factory.Sequence(lambda n: f"Room {n}")


class CalendlyEventTypeFactory(DjangoModelFactory):
    class Meta:
        model = CalendlyEventType

    calendly_id = factory.Sequence(lambda n: f"EVENTTYPE{n}")
    practitioner = None
    appointment_type = factory.SubFactory(AppointmentTypeFactory)


class PatientFactory(DjangoModelFactory):
    class Meta:
        model = Patient

    name = "Leo Martin"
    email = "leo.martin@example.com"
    phone = "+61491570156"


class BookingFactory(DjangoModelFactory):
    """A confirmed booking that stands outside the diary."""

    class Meta:
        model = Booking

    number = factory.Sequence(lambda n: f"BOT-2020-{n:04}")
    patient = factory.SubFactory(PatientFactory)
    practitioner = factory.SubFactory(PractitionerFactory)
    appointment_type = factory.SubFactory(AppointmentTypeFactory)
    starts_at = factory.LazyFunction(lambda: next_morning(10))
    ends_at = factory.LazyAttribute(lambda o: o.starts_at + timedelta(minutes=o.appointment_type.minutes))
    price = Decimal(119)
    source = Booking.Source.PHONE


class SessionFactory(DjangoModelFactory):
    """A call that is planned for tomorrow morning."""

    class Meta:
        model = TriageSession

    class Params:
        in_progress = factory.Trait(
            state=TriageSession.State.IN_PROGRESS,
            started_at=factory.LazyFunction(lambda: datetime.now(UTC)),
            claimed_by=factory.SelfAttribute("consultant"),
            claimed_at=factory.SelfAttribute("started_at"),
        )

    patient = factory.SubFactory(PatientFactory)
    consultant = factory.SubFactory(PractitionerFactory, consultant=True)
    consultation = factory.SubFactory(
        BookingFactory,
        patient=factory.SelfAttribute("..patient"),
        practitioner=factory.SelfAttribute("..consultant"),
        appointment_type=factory.SubFactory(AppointmentTypeFactory, free=True),
        price=0,
    )


def next_morning(hour: int, days: int = 1) -> datetime:
    """A whole hour of Melbourne's wall time, some days from today, in UTC."""
    day = datetime.now(MELBOURNE).date() + timedelta(days=days)
    return datetime.combine(day, time(hour), MELBOURNE).astimezone(UTC)
