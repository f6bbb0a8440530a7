"""What goes over the wire: bodies read strictly, moments with their zone, names and phone numbers as they are kept."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from rest_framework import serializers
from rest_framework.fields import SkipField, empty
from rest_framework.parsers import BaseParser

from botaniqal import names, phones, zones
from botaniqal.errors import Malformed

ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)")
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
FIRST_YEAR, LAST_YEAR = 2000, 2200  # far from where dates overflow when minutes or zones are added


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


class StrictJSON(BaseParser):
    """A JSON object in the body, no larger than the settings allow, without NaN or Infinity."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: dict | None = None) -> dict[str, Any]:
        """
        Read the body.

        :raises Malformed: it is no JSON, or no object.
        """
        body = parser_context["request"].body  # the stream itself knows no limit
        try:
            data = json.loads(body, parse_constant=_refuse_constant)
        except RecursionError:
            raise Malformed("The body is nested too deeply.") from None
        except ValueError:  # no JSON, no UTF-8, or a number with thousands of digits
            raise Malformed("The body is not valid JSON.") from None
        if not isinstance(data, dict):
            raise Malformed("The body must be a JSON object.")
        return data


class Moment(serializers.DateTimeField):
    """A moment in ISO 8601: with its zone on the way in, in UTC on the way out."""

    default_error_messages = {
        "moment": "Say the time with its zone, e.g. 2026-12-01T10:00:00Z.",
        "range": f"Say a time between the years {FIRST_YEAR} and {LAST_YEAR}.",
    }

    def to_internal_value(self, value: Any) -> datetime:
        """Read a moment; a naive one would be anybody's guess."""
        if not isinstance(value, str) or not ISO_MOMENT.fullmatch(value):
            self.fail("moment")
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("moment")
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            self.fail("range")
        return moment.astimezone(UTC)

    def to_representation(self, value: datetime) -> str:
        """Write a moment."""
        return in_utc(value)


class Day(serializers.DateField):
    """A day in ISO 8601."""

    default_error_messages = {
        "day": "Say the day as 2026-12-01.",
        "range": f"Say a day between the years {FIRST_YEAR} and {LAST_YEAR}.",
    }

    def to_internal_value(self, value: Any) -> date:
        """Read a day."""
        if not isinstance(value, str) or not ISO_DAY.fullmatch(value):
            self.fail("day")
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail("day")
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            self.fail("range")
        return day


class Zone(serializers.CharField):
    """The name of a time zone."""

    default_error_messages = {"zone": "Say the time zone as Australia/Melbourne."}

    def to_internal_value(self, value: Any) -> ZoneInfo:
        """Read a time zone."""
        name = super().to_internal_value(value)
        if name not in zones.ALL:
            self.fail("zone")
        return ZoneInfo(name)


class Phone(serializers.CharField):
    """A phone number, as one writes it in Australia or with its country."""

    default_error_messages = {"phone": "Say the phone number as +61412345678."}

    def to_internal_value(self, value: Any) -> str:
        """Read a number and write it as +61412345678."""
        number = phones.kept(super().to_internal_value(value))
        if number is None:
            self.fail("phone")
        return number


class Name(serializers.CharField):
    """A person's name; our e-mails begin with it, so nobody may advertise in it."""

    default_error_messages = {"name": "Say a name, without addresses or signs."}

    def to_internal_value(self, value: Any) -> str:
        """Read a name."""
        name = names.kept(super().to_internal_value(value))
        if name is None:
            self.fail("name")
        return name


class Query:
    """
    The parameters behind an address, read by a serializer's fields.

    A serializer copies its fields for every request, which costs more than reading them; these are made once.
    """

    def __init__(self, shape: type[serializers.Serializer]) -> None:
        self._fields = shape().fields

    def read(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """
        Read what is asked for; what was left out has its default, or is left out here as well.

        :raises ValidationError: each field at fault with its sentences.
        """
        values, faults = {}, {}
        for name, field in self._fields.items():
            try:
                values[name] = field.run_validation(parameters.get(name, empty))
            except serializers.ValidationError as fault:
                faults[name] = fault.detail
            except SkipField:
                continue
        if faults:
            raise serializers.ValidationError(faults)
        return values


def in_utc(moment: datetime) -> str:
    """Write a moment as ``2024-02-01T14:00:00Z``."""
    return f"{moment.astimezone(UTC).isoformat()[:19]}Z"
