"""What can go wrong by the clinic's own rules, in words that every door can show."""

from http import HTTPStatus
from typing import Any


class DomainError(Exception):
    """
    A rule of the clinic said no.

    ``code`` is the machine word, ``message`` the sentence for people, ``status`` what the API answers, ``details`` the
    fields at fault (``{"field": ["sentence"]}``) and ``extra`` further members of the API's answer.
    """

    code = "refused"
    message = "This cannot be done."
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(
        self,
        message: str | None = None,
        *,
        details: dict[str, list[str]] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.message = message or type(self).message
        self.details = details or {}
        self.extra = extra or {}
        super().__init__(self.message)


class RuleBroken(DomainError):
    """Understood, but against a rule; ``details.rule`` names it."""

    code = "rule_broken"

    def __init__(self, rule: str, message: str, **kwargs: Any) -> None:
        self.rule = rule
        super().__init__(message, details={"rule": [rule]}, **kwargs)


class Malformed(DomainError):
    """The input is not of the form that was asked for."""

    code = "invalid"
    message = "The input is not valid."
    status = HTTPStatus.BAD_REQUEST


class NotAllowed(DomainError):
    """The person may not do this."""

    code = "not_allowed"
    message = "You may not do this."
    status = HTTPStatus.FORBIDDEN


class Missing(DomainError):
    """There is no such thing."""

    code = "not_found"
    message = "Not found."
    status = HTTPStatus.NOT_FOUND


class Conflict(DomainError):
    """Somebody else was quicker."""

    code = "conflict"
    message = "This was changed meanwhile."
    status = HTTPStatus.CONFLICT


class TooBusy(DomainError):
    """The database could not answer in time; trying again helps."""

    code = "busy"
    message = "The portal is busy. Try again in a moment."
    status = HTTPStatus.SERVICE_UNAVAILABLE
