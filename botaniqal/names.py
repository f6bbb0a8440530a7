"""People's names as they are kept: our e-mails begin with them, so nobody may advertise in one."""

import re

LONGEST = 255
UNREADABLE = "Say a name, without addresses or signs."
NOT_IN_A_NAME = re.compile(
    r"[/@<>\\{}\[\]\ufffd]|www\.|\.(?:com|net|org|info|io|co|au|me|ly|link|xyz)\b", re.IGNORECASE
)


def first(name: str) -> str:
    """Take the name that a message or a list may begin with."""
    return next(iter(name.split()), "")


def kept(typed: str) -> str | None:
    """Write a name in one line; None where there is none, or one that holds addresses or signs."""
    name = " ".join(typed.split())
    return name if name and not NOT_IN_A_NAME.search(name) else None
