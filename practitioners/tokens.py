"""Who calls the API: a consultant's token, the phone system's key, or somebody in the portal."""

import hmac
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q, QuerySet
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from botaniqal.accounts import roles
from botaniqal.accounts.models import User
from botaniqal.errors import Malformed, NotAllowed

from .models import Practitioner

TOKEN_LIFE = timedelta(hours=8)
CLOCK_SKEW = timedelta(minutes=1)  # between us and whoever else signs tokens with the secret
ALGORITHM = "HS256"

log = logging.getLogger(__name__)


class NoPractitioner(NotAllowed):
    """Somebody of the staff who gives no care and makes no calls."""

    code = "no_practitioner"
    message = "Only practitioners who work here can do this."


@dataclass(frozen=True, slots=True)
class Token:
    """What a consultant shows at the API for eight hours."""

    text: str
    expires_at: datetime
    claims: list[str]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, through which door, with which claims."""

    practitioner: Practitioner | None
    claims: frozenset[str]
    door: str


def issue_token(*, user: User, now: datetime) -> Token:
    """
    Give a practitioner a token.

    :raises NoPractitioner: the user is none, or does not work here any more.
    """
    practitioner = _with_roles().filter(user=user).first()
    if practitioner is None or not practitioner.is_active:
        raise NoPractitioner
    own_roles = roles.in_order(practitioner.roles)
    claims = roles.claims_of(own_roles)
    expires_at = now.replace(microsecond=0) + TOKEN_LIFE
    payload = {
        "sub": str(practitioner.pk),
        "role": own_roles[0] if own_roles else practitioner.type,
        "permissions": claims,
        "exp": int(expires_at.timestamp()),
    }
    return Token(jwt.encode(payload, settings.CONSULTANT_JWT_SECRET, algorithm=ALGORITHM), expires_at, claims)


def revoke_tokens(*, practitioner: Practitioner, now: datetime) -> None:
    """Refuse from now on every token that this practitioner was given until now."""
    practitioner.tokens_revoked_at = now
    practitioner.save(update_fields=["tokens_revoked_at"])


class ConsultantToken(BaseAuthentication):
    """``Authorization: Bearer`` and a JWT signed with the consultants' secret."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        """
        Read the token.

        :raises AuthenticationFailed: it is not ours, too old, or its practitioner may not use it any more.
        """
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Send one token: “Authorization: Bearer …”.")
        now = timezone.now()
        practitioner_id, claims, expires_at = _read(words[1], now)
        practitioner = _with_roles().filter(pk=practitioner_id).first()
        if practitioner is None or not _may_log_in(practitioner):
            raise AuthenticationFailed("This token's practitioner may not log in any more.")
        revoked_at = practitioner.tokens_revoked_at
        if revoked_at and expires_at - TOKEN_LIFE <= revoked_at:
            raise AuthenticationFailed("This token was revoked. Log in again.")
        # A right that the role has lost since is lost at once.
        return practitioner.user, Caller(practitioner, claims & _claims_of(practitioner), door="token")

    def authenticate_header(self, request: Request) -> str:
        """Ask for a token."""
        return "Bearer"


class PhoneSystemKey(BaseAuthentication):
    """``X-API-Key`` of the phone system, which acts for the consultant named in ``X-Consultant``."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        """
        Check the key, and find the consultant.

        :raises AuthenticationFailed: the key is wrong, or none is configured.
        :raises Malformed: no consultant is named.
        :raises NotAllowed: there is no such consultant who works here.
        """
        if (key := request.headers.get("X-API-Key")) is None:
            return None
        expected = settings.PHONE_BOOKING_API_KEY
        if not expected or not hmac.compare_digest(key.encode(errors="replace"), expected.encode()):
            raise AuthenticationFailed("This key is not the phone system's.")
        name = request.headers.get("X-Consultant", "").strip()
        if not name:
            raise Malformed("Name the consultant whom you act for in X-Consultant, by id or e-mail.")
        consultant = _with_roles().filter(_named(name)).first()
        if consultant is None or not _may_log_in(consultant):
            raise NotAllowed("X-Consultant names nobody who works here.")
        log.info(
            "the phone system acts for practitioner %s: %s %s",
            consultant.pk,
            request.method,
            request.resolver_match.route,
        )
        return consultant.user, Caller(consultant, _claims_of(consultant), door="phone system")


class PortalSession(SessionAuthentication):
    """Somebody who is logged in to the portal; rights come from the role."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        """Find who is logged in; a change needs the CSRF token."""
        if (found := super().authenticate(request)) is None:
            return None
        user, _ = found
        practitioner = Practitioner.objects.active().filter(user=user).first()
        return user, Caller(practitioner, frozenset(roles.claims_of(roles.roles_of(user))), door="portal")


def has_claim(claim: str) -> type[BasePermission]:
    """Make the permission that lets in whoever has a claim."""

    class HasClaim(BasePermission):
        message = f"This needs the right “{claim}”."

        def has_permission(self, request: Request, view: Any) -> bool:
            return bool(request.auth) and claim in request.auth.claims

    return HasClaim


def _read(token: bytes, now: datetime) -> tuple[UUID, frozenset[str], datetime]:
    try:
        payload = jwt.decode(
            token,
            settings.CONSULTANT_JWT_SECRET,
            algorithms=[ALGORITHM],
            options={"require": ["sub", "exp"]},
        )
        practitioner_id = UUID(payload["sub"])
        expires_at = datetime.fromtimestamp(int(payload["exp"]), UTC)
    except jwt.ExpiredSignatureError:
        raise AuthenticationFailed("This token has expired. Log in again.") from None
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError):
        raise AuthenticationFailed("This token is not valid.") from None
    if expires_at > now + TOKEN_LIFE + CLOCK_SKEW:
        raise AuthenticationFailed("This token is not valid: it would live too long.")
    claims: Any = payload.get("permissions")
    if not isinstance(claims, list):
        raise AuthenticationFailed("This token is not valid: it names no permissions.")
    return practitioner_id, frozenset(claim for claim in claims if isinstance(claim, str)), expires_at


def _with_roles() -> QuerySet[Practitioner]:
    """Practitioners with user and roles in one query: this runs at every call."""
    names = ArrayAgg("user__groups__name", filter=Q(user__groups__name__isnull=False), default=[])
    return Practitioner.objects.select_related("user").annotate(roles=names)


def _claims_of(practitioner: Practitioner) -> frozenset[str]:
    return frozenset(roles.claims_of(roles.in_order(practitioner.roles)))


def _may_log_in(practitioner: Practitioner) -> bool:
    return practitioner.is_active and practitioner.user is not None and practitioner.user.is_active


def _named(name: str) -> Q:
    if "@" in name:
        return Q(email__iexact=name)
    try:
        return Q(pk=UUID(name))
    except ValueError:
        return Q(pk=None)
