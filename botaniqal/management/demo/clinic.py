"""The demo's people: who logs in, who gives what, and when."""

from dataclasses import dataclass
from datetime import datetime, time
from uuid import NAMESPACE_URL, uuid5

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from botaniqal.accounts.login import DEMO_PASSWORD
from botaniqal.accounts.models import User
from practitioners import publish_check
from practitioners.models import Practitioner, Room, WorkingHours
from services import catalogue_words, prices
from services.models import AppointmentType, PractitionerType, Service

DOMAIN = "botaniqal.example"
OPENS, CLOSES = time(9), time(17)
WEEKDAYS = range(5)


@dataclass(frozen=True, kw_only=True)
class Login:
    """Somebody who may log in."""

    name: str
    role: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who gives appointments of these codes; ``login`` is the name that they log in by."""

    name: str
    type: PractitionerType
    gives: tuple[str, ...]
    location: str = Practitioner.Location.TELEHEALTH
    specialisations: tuple[str, ...] = ()
    phone: str = ""
    login: str = ""
    calendar: str = Practitioner.CalendarProvider.CALENDLY
    daily_cap: int | None = None
    may_override: bool = False


LOGINS = {
    "sarah": Login(name="Sarah Whitlock", role="consultant"),
    "tom": Login(name="Tom Brennan", role="consultant"),
    "ops": Login(name="Olivia Park", role="operations"),
    "manager": Login(name="Martin Hale", role="management"),
    "clinician": Login(name="Dia Menon", role="clinician"),
    "admin": Login(name="Ada Quinn", role="administrator"),
}

PEOPLE = {
    "dia": Person(
        name="Dr Dia Menon",
        type=PractitionerType.DOCTOR,
        gives=(
            "initial-alternative-15min",
            "followup-alternative-10min",
            "followup-alternative-30min",
            "initial-weight",
            "followup-weight-45min",
        ),
        specialisations=("Sleep", "Digestion"),
        phone="+61491570006",
        login="clinician",
    ),
    "shivani": Person(
        name="Dr Shivani Rao",
        type=PractitionerType.DOCTOR,
        gives=("initial-inperson-20min", "followup-inperson-15min"),
        location=Practitioner.Location.MELBOURNE,
        specialisations=("Women's health", "Chronic conditions"),
        phone="+61491570110",
        calendar=Practitioner.CalendarProvider.OUTLOOK,
    ),
    "kim": Person(
        name="Nurse Kim Doyle",
        type=PractitionerType.NURSE,
        gives=("initial-weight", "followup-weight-45min"),
        location=Practitioner.Location.BOTH,
        specialisations=("Weight and way of life",),
        phone="+61491570313",
        daily_cap=6,
    ),
    "mei": Person(
        name="Coach Mei Lin",
        type=PractitionerType.COACH,
        gives=("initial-gaps-60min", "followup-gaps-15min"),
        specialisations=("Nutrition",),
        phone="+61491570737",
    ),
    "sarah": Person(
        name="Sarah Whitlock",
        type=PractitionerType.CONSULTANT,
        gives=(AppointmentType.FREE_CONSULTATION,),
        phone="+61491571266",
        login="sarah",
        may_override=True,
    ),
    "tom": Person(
        name="Tom Brennan",
        type=PractitionerType.CONSULTANT,
        gives=(AppointmentType.FREE_CONSULTATION,),
        phone="+61491571491",
        login="tom",
    ),
}

ONLINE = ("initial-alternative-15min", "followup-alternative-10min", "initial-inperson-20min", "initial-gaps-60min")
"""What visitors of the demo book and pay by themselves."""

ROOMS = ("Room 1", "Room 2")


def missing_codes() -> set[str]:
    """Tell which appointment types the catalogue lacks for the demo."""
    wanted = {code for person in PEOPLE.values() for code in person.gives}
    return wanted - set(AppointmentType.objects.values_list("code", flat=True))


def is_open() -> bool:
    """Tell whether the demo's people are there already."""
    return Practitioner.objects.filter(email=address("sarah")).exists()


def open_clinic() -> dict[str, Practitioner]:
    """Let the demo's people in, and return those who give appointments."""
    users = _let_in()
    Room.objects.bulk_create([Room(name=name) for name in ROOMS], ignore_conflicts=True)
    return {name: _employ(name, person, users.get(person.login)) for name, person in PEOPLE.items()}


def publish(*, now: datetime) -> None:
    """Have the manager approve the catalogue's words, and offer what passes the publish check."""
    slugs = Service.objects.values_list("slug", flat=True)
    catalogue_words.approve_all(slugs=slugs, reason="", by=User.objects.get(email=address("manager")), now=now)
    publish_check.refresh(day=prices.clinic_day(now), now=now)


def book_online() -> None:
    """Let some appointments be booked online; the catalogue's file leaves that to the clinic."""
    AppointmentType.objects.filter(code__in=ONLINE).update(is_bookable_online=True)


def address(name: str) -> str:
    """Write somebody's e-mail address."""
    return f"{name}@{DOMAIN}"


def _let_in() -> dict[str, User]:
    password = make_password(DEMO_PASSWORD)  # the one hash serves all: hashing is slow on purpose
    users = {}
    for name, login in LOGINS.items():
        first_name, last_name = login.name.split()
        user = User.objects.create(
            email=address(name),
            password=password,
            first_name=first_name,
            last_name=last_name,
            is_staff=True,
            is_superuser=login.role == "administrator",
        )
        group, _ = Group.objects.get_or_create(name=login.role)
        user.groups.add(group)
        users[name] = user
    return users


def _employ(name: str, person: Person, user: User | None) -> Practitioner:
    email = address(name)
    practitioner = Practitioner.objects.create(
        name=person.name,
        type=person.type,
        email=email,
        phone=person.phone,
        location=person.location,
        specialisations=list(person.specialisations),
        daily_cap=person.daily_cap,
        may_override=person.may_override,
        user=user,
        calendar_provider=person.calendar,
        mailbox=email if person.calendar == Practitioner.CalendarProvider.OUTLOOK else "",
        calendly_user_uri=f"https://api.calendly.com/users/{uuid5(NAMESPACE_URL, email)}",
        medirecords_provider_id=uuid5(NAMESPACE_URL, f"medirecords:{email}"),
        meeting_link=f"https://meet.{DOMAIN}/{name}",
    )
    practitioner.appointment_types.set(AppointmentType.objects.filter(code__in=person.gives))
    WorkingHours.objects.bulk_create(
        WorkingHours(practitioner=practitioner, weekday=day, starts=OPENS, ends=CLOSES) for day in WEEKDAYS
    )
    return practitioner
