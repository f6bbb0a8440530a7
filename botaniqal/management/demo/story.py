"""Two weeks of the demo's calls as a table; all people are invented, all numbers are kept for fiction."""

from dataclasses import dataclass, field
from datetime import time

from bookings.models import Booking
from triage.models import TriageSession

Outcome = TriageSession.Outcome

When = int | tuple[int, time]
"""Minutes from now; or a weekday, counted from today (today is none), and the time on the clinic's clock."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What was booked in a call."""

    who: str
    code: str
    when: tuple[int, time]
    ending: Booking.State = Booking.State.CONFIRMED
    is_paid: bool = True
    form: str = ""
    """How far its form is: sent, a draft, or not begun."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A free consultation; without an outcome it still has to be made."""

    patient: str
    phone: str
    concern: str
    who: str
    when: When
    outcome: str = ""
    disposition: str = ""
    notes: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    visit: Visit | None = None
    is_parked: bool = False
    rings_again: int | None = None
    """In how many minutes somebody tries again whom nobody answered yet."""
    time_zone: str = "Australia/Melbourne"


CALLS = (
    Call(
        patient="Mia Santos",
        phone="+61491570156",
        concern="Wakes at three every night since the new job.",
        who="sarah",
        when=(-10, time(15, 30)),
        outcome=Outcome.BOOKED,
        notes="Prefers video around noon.",
        answers={"chest_or_breath": "no", "self_harm": "no", "since": "Months", "medicines": "None"},
        visit=Visit(
            who="dia",
            code="initial-alternative-15min",
            when=(-6, time(12)),
            ending=Booking.State.COMPLETED,
        ),
    ),
    Call(
        patient="Ethan Lowe",
        phone="+61491570157",
        concern="Asks on behalf of a friend.",
        who="tom",
        when=(-9, time(9, 15)),
        outcome=Outcome.REJECTED,
        disposition="not_eligible",
        notes="The friend will book for herself.",
    ),
    Call(
        patient="Isla Hughes",
        phone="+61491570158",
        concern="Back pain, wants to see somebody in person.",
        who="sarah",
        when=(-8, time(10, 45)),
        outcome=Outcome.BOOKED,
        notes="Lives near the clinic.",
        answers={"chest_or_breath": "no", "self_harm": "no", "since": "Weeks", "allergies": "None known"},
        visit=Visit(
            who="shivani",
            code="initial-inperson-20min",
            when=(-4, time(10)),
            ending=Booking.State.COMPLETED,
        ),
    ),
    Call(
        patient="Noah Fisher",
        phone="+61491570159",
        concern="Stomach trouble after meals.",
        who="sarah",
        when=(-6, time(13, 15)),
        outcome=Outcome.BOOKED,
        notes="Has kept a food diary for a month.",
        answers={
            "chest_or_breath": "no",
            "self_harm": "no",
            "sudden": "no",
            "since": "Years",
            "medicines": "Magnesium",
            "hope": "To eat with others again.",
        },
        visit=Visit(
            who="mei",
            code="initial-gaps-60min",
            when=(-3, time(14)),
            ending=Booking.State.NO_SHOW,
        ),
    ),
    Call(
        patient="Ruby Evans",
        phone="+61491571804",
        concern="Headaches, two or three a week.",
        who="tom",
        when=(-5, time(16)),
        outcome=Outcome.BOOKED,
        notes="Before work is best.",
        answers={
            "chest_or_breath": "no",
            "self_harm": "no",
            "sudden": "no",
            "since": "Months",
            "tried": "Paracetamol; helps for hours.",
            "medicines": "None",
        },
        visit=Visit(
            who="dia",
            code="initial-alternative-15min",
            when=(-2, time(9)),
            ending=Booking.State.COMPLETED,
        ),
    ),
    Call(
        patient="Jack Turner",
        phone="+61491572549",
        concern="Wants help with losing weight.",
        who="sarah",
        when=(-4, time(11)),
        outcome=Outcome.REJECTED,
        disposition="price",
        notes="Will think about it until next month.",
    ),
    Call(
        patient="Chloe Wong",
        phone="+61491572665",
        concern="Tired all day, blood tests were fine.",
        who="sarah",
        when=(-3, time(9, 30)),
        outcome=Outcome.BOOKED,
        notes="Brings her test results along.",
        visit=Visit(who="shivani", code="initial-inperson-20min", when=(2, time(15)), form="draft"),
    ),
    Call(
        patient="Ben Carter",
        phone="+61491572983",
        concern="Trouble falling asleep.",
        who="tom",
        when=(-2, time(14, 30)),
        outcome=Outcome.NO_SHOW,
        disposition="voicemail",
        notes="Left a message with our number.",
        time_zone="Australia/Perth",
    ),
    Call(
        patient="Sofia Rossi",
        phone="+61491573087",
        concern="Wants to change what the family eats.",
        who="sarah",
        when=(-1, time(10)),
        outcome=Outcome.BOOKED,
        notes="Her partner will join the first appointment.",
        visit=Visit(who="mei", code="initial-gaps-60min", when=(1, time(11)), is_paid=False),
        time_zone="Australia/Adelaide",
    ),
    Call(
        patient="Helen Marsh",
        phone="+61491573770",
        concern="A sore knee since Saturday.",
        who="sarah",
        when=-95,
        outcome=Outcome.REFERRED,
        disposition="gp",
        notes="Her GP can see her tomorrow.",
    ),
    Call(
        patient="Oliver Grant",
        phone="+61491574118",
        concern="Stress at work, sleeps badly.",
        who="tom",
        when=-65,
        outcome=Outcome.BOOKED,
        notes="Video, mornings.",
        visit=Visit(who="dia", code="initial-alternative-15min", when=(1, time(10)), form="sent"),
    ),
    Call(
        patient="Grace Palmer",
        phone="+61491574632",
        concern="Digestive issues since the summer.",
        who="sarah",
        when=-15,
    ),
    Call(
        patient="Ruby Walsh",
        phone="+61491577426",
        concern="Tired since the winter.",
        who="tom",
        when=-40,
        notes="Looks for her list of medicines.",
        is_parked=True,
    ),
    Call(
        patient="Omar Haddad",
        phone="+61491577644",
        concern="Headaches in the afternoon.",
        who="tom",
        when=-150,
        rings_again=55,
        time_zone="Australia/Perth",
    ),
    Call(
        patient="Leo Martin",
        phone="+61491575254",
        concern="Sleeps four hours a night.",
        who="sarah",
        when=40,
    ),
    Call(
        patient="Daniel Brooks",
        phone="+61491575789",
        concern="A friend told him about GAPS.",
        who="tom",
        when=25,
        time_zone="Australia/Brisbane",
    ),
    Call(
        patient="Amina Yusuf",
        phone="+61491576398",
        concern="Would like to lose weight before the winter.",
        who="sarah",
        when=90,
    ),
    Call(
        patient="Priya Nair",
        phone="+61491576801",
        concern="Neck pain from sitting at the desk.",
        who="tom",
        when=120,
    ),
)
