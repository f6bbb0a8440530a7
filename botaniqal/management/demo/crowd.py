"""Who came to the demo's clinic in the quarter behind it; all are invented, all numbers are kept for fiction."""

from collections.abc import Iterator
from dataclasses import dataclass

FIRST_NAMES = """
Ada Alan Beth Boyd Cora Carl Dana Dean Edie Eric Faye Finn Gina Glen Hope Hugo Iris Ivan June Joel
Kate Kurt Lena Luke Mara Milo Nell Neil Opal Otis Pearl Paul Rosa Ross Sage Seth Tess Toby Vera Wade
"""
LAST_NAMES = """
Abbott Barlow Cairns Dalton Eastman Farrow Garrick Hollis Ingram Jarvis Kendall Lomax
Merton Norris Osborne Pruitt Quigley Radley Selby Tilley Upton Varley Whitby Yardley
"""

VISIT, GAPS, IN_PERSON = "initial-alternative-15min", "initial-gaps-60min", "initial-inperson-20min"
CODES = (VISIT, VISIT, GAPS, IN_PERSON)

FOLLOW_UPS = {
    VISIT: "followup-alternative-10min",
    GAPS: "followup-gaps-15min",
    IN_PERSON: "followup-inperson-15min",
}
WEIGHT = "followup-weight-45min"
GIVERS = {VISIT: "dia", GAPS: "mei", IN_PERSON: "shivani", WEIGHT: "kim"}
GIVERS |= {later: GIVERS[first] for first, later in FOLLOW_UPS.items()}

CONCERNS = {
    VISIT: (
        "Sleeps badly, has tried much already.",
        "Headaches since the new glasses.",
        "Restless legs at night.",
        "Worn out after a long year.",
        "Hay fever, looks for something gentler.",
    ),
    GAPS: (
        "Wants to eat with less sugar.",
        "Bloated after almost every meal.",
        "Her son eats five foods.",
        "Heard of GAPS from a neighbour.",
    ),
    IN_PERSON: (
        "A stiff neck, wants to be seen.",
        "Would rather come than be on video.",
        "Back pain after gardening.",
    ),
}

REGULARS = ("Walter Simms", "Doris Fenwick", "Lionel Crane")
"""Who came before the portal did, and was taken over from the former system."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Somebody who wants to hear when a service begins: so many days ago, and until when."""

    name: str
    service: str
    days_ago: int
    source: str = "page"
    left_after: int | None = None
    told_staff: str = ""
    complained: bool = False


WAITING = (
    Waiting(name="Agnes Bell", service="counseling", days_ago=74),
    Waiting(name="Bruno Castle", service="equine", days_ago=71, source="api"),
    Waiting(name="Celia Drew", service="counseling", days_ago=66, left_after=31),
    Waiting(name="Derek Ellis", service="counseling", days_ago=63, source="desk"),
    Waiting(name="Esther Frost", service="equine", days_ago=58),
    Waiting(name="Felix Gray", service="counseling", days_ago=55, left_after=8),
    Waiting(name="Greta Holt", service="counseling", days_ago=51, source="api"),
    Waiting(name="Henry Irving", service="counseling", days_ago=47),
    Waiting(name="Ingrid Joyce", service="equine", days_ago=44, source="desk"),
    Waiting(name="Jonas Kemp", service="counseling", days_ago=41, complained=True),
    Waiting(name="Karin Lane", service="counseling", days_ago=38),
    Waiting(name="Lars Moss", service="counseling", days_ago=36, source="api"),
    Waiting(name="Marta Nash", service="equine", days_ago=30, left_after=20, told_staff="Has moved to Darwin."),
    Waiting(name="Nils Orr", service="counseling", days_ago=27),
    Waiting(name="Olga Pike", service="counseling", days_ago=24, source="api"),
    Waiting(name="Peter Quill", service="counseling", days_ago=22),
    Waiting(name="Rita Rowe", service="equine", days_ago=19),
    Waiting(name="Simon Stone", service="counseling", days_ago=16, source="desk"),
    Waiting(name="Thea Tate", service="counseling", days_ago=13),
    Waiting(name="Ulrich Vance", service="counseling", days_ago=11, left_after=7),
    Waiting(name="Viola West", service="equine", days_ago=9, source="api"),
    Waiting(name="Wanda York", service="counseling", days_ago=7),
    Waiting(name="Xavier Zell", service="counseling", days_ago=5),
    Waiting(name="Yvonne Ames", service="counseling", days_ago=3, source="api"),
    Waiting(name="Zoe Birch", service="equine", days_ago=2),
    Waiting(name="Arno Clay", service="counseling", days_ago=1, source="desk"),
)


def names() -> Iterator[str]:
    """Give one name after the other, none twice."""
    first, last = FIRST_NAMES.split(), LAST_NAMES.split()
    for turn in range(len(last)):
        for place, name in enumerate(first):
            yield f"{name} {last[(place + turn) % len(last)]}"


def phone(number: int) -> str:
    """Give one of the numbers that are kept for fiction, by its count."""
    return f"+61370101{number:03}"
