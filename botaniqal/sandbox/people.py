"""Made-up patients: plausible Australian names, addresses at example.com, numbers reserved for fiction."""

import secrets
from dataclasses import dataclass

FIRST_NAMES = (
    "Ava", "Liam", "Mia", "Noah", "Isla", "Oliver", "Grace", "Jack", "Ruby", "Leo", "Zoe", "Ethan", "Chloe", "Lucas",
    "Matilda", "Hamish", "Priya", "Arjun", "Mei", "Tane", "Jarrah", "Kirra", "Bronte", "Angus", "Elena", "Yusuf",
)  # fmt: skip
LAST_NAMES = (
    "Nguyen", "Smith", "Rossi", "Patel", "Campbell", "Chen", "Kaur", "Wilson", "Haddad", "Martin", "Papas", "Singh",
    "O’Brien", "Williams", "Tran", "Kowalski", "Murray", "Costa", "Taylor", "Ryan", "Walker", "Ahmed", "Fraser", "Lee",
)  # fmt: skip
CONCERNS = (
    "Chronic pain and poor sleep",
    "Anxiety, would like to know the alternatives",
    "Bloating and fatigue after meals",
    "Gut health, has read about the GAPS diet",
    "Weight management after a hip operation",
    "Migraine, two preventives have not helped",
    "Trouble falling asleep for three months",
    "Sore knees, wants to keep running",
)
# The mobile numbers that the Australian regulator keeps free for films and examples.
FICTION_ENDINGS = ("006", "156", "157", "158", "159", "110", "313", "737", "266", "491", "804")


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Somebody who books a free consultation."""

    name: str
    email: str
    phone: str
    concern: str


def somebody() -> Patient:
    """Make up a patient."""
    first, last = secrets.choice(FIRST_NAMES), secrets.choice(LAST_NAMES)
    mailbox = f"{first}.{last}".lower().replace("’", "")
    return Patient(
        name=f"{first} {last}",
        email=f"{mailbox}{secrets.randbelow(90) + 10}@example.com",
        phone=f"0491 570 {secrets.choice(FICTION_ENDINGS)}",
        concern=secrets.choice(CONCERNS),
    )
