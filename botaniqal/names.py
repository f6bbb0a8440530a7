"""People's names as they are kept: our e-mails begin with them, so nobody may advertise in one."""

import re

LONGEST = 255
NOT_IN_A_NAME = re.compile(
    r"[/@<>\\{}\[\]\ufffd]|www\.|\.(?:com|net|org|info|io|co|au|me|ly|link|xyz)\b", re.IGNORECASE
)


def kept(typed: str) -> str | None:
    """Write a name as it is kept; None where it holds an address or signs that stand in no name."""
    name = " ".join(typed.split())
    return None if NOT_IN_A_NAME.search(name) else name
