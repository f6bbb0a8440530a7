"""How card numbers are kept out of every text: they must never be written down here."""

import re

from django.core.exceptions import ValidationError

from botaniqal.errors import Malformed

# Two phone numbers in a row are as long as a card number, so only the ways in which cards are written count.
CARD_NUMBER = re.compile(
    r"(?<!\d)(?:[2-6]\d{12,18}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -])\d{6}\2\d{5})(?!\d)", re.ASCII
)


def refuse(text: str, field: str) -> None:
    """
    Keep card numbers out of the portal, written in one run or in the groups that stand on a card.

    :raises Malformed: there is one in the text.
    """
    if blanked(text) != text:
        raise Malformed(
            "That looks like a card number. Card numbers must not be written down here.",
            details={field: ["Leave the card number out; the terminal's receipt number is enough."]},
        )


def blanked(text: str) -> str:
    """Take card numbers out of a text that cannot be refused, because a vendor sent it."""
    return CARD_NUMBER.sub(lambda found: "[card number]" if _passes_luhn(found[0]) else found[0], text)


def validate_none(text: str) -> None:
    """Hold a form's or a serializer's text against ``refuse``, by the name that its own door has for it."""
    try:
        refuse(text, "text")
    except Malformed as refusal:
        raise ValidationError(refusal.message) from None


def _passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in number if digit.isdigit()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (doubled + sum(digits[::-2])) % 10 == 0
