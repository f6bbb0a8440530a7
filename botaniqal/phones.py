"""Phone numbers: kept in one form, +61412345678, however they were typed; without a country they are Australian."""

import phonenumbers

REGION = "AU"


def kept(typed: str) -> str | None:
    """Write a number as it is kept; None where it is none."""
    try:
        number = phonenumbers.parse(typed, REGION)
    except phonenumbers.NumberParseException:
        return None
    return _e164(number) if phonenumbers.is_valid_number(number) else None


def found_in(text: str) -> str | None:
    """Find the number in words such as “0412 345 678, after five”, and write it as it is kept."""
    return next((_e164(match.number) for match in phonenumbers.PhoneNumberMatcher(text, REGION)), None)


def shown(number: str) -> str | None:
    """Write a kept number in groups, as it is read out; None where it is none."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
