"""Step 1 of the desk: who is on the phone, what is right about their details, and what they agree to."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.models import Consent, DetailProposal, IdentityCheck
from bookings.patients import consents, identity, proposals
from botaniqal.accounts.models import User
from botaniqal.errors import Missing
from practitioners.models import Practitioner

from .. import linking, sessions
from . import patient_state
from .doors import door, find_call, may_see, verb


class Agreeing(serializers.Serializer):
    """Which identifiers agreed; all that did so far."""

    identifiers = serializers.ListField(child=serializers.ChoiceField(IdentityCheck.Identifier.choices), max_length=4)


class Linked(Agreeing):
    """The known patient, and what agreed with that record."""

    patientId = serializers.UUIDField(source="patient_id")


class Detail(serializers.Serializer):
    """What somebody said of a detail."""

    field = serializers.ChoiceField(DetailProposal.Field.choices)
    value = serializers.CharField(max_length=400)


class Details(serializers.Serializer):
    """What somebody said of their details; those left out stay as they are."""

    changes = Detail(many=True, allow_empty=False, max_length=6)


class Decided(serializers.Serializer):
    """Whether a proposed detail is taken over."""

    proposalId = serializers.IntegerField(source="proposal_id", min_value=1, max_value=2**63 - 1)
    isTaken = serializers.BooleanField(source="is_taken")


class Said(serializers.Serializer):
    """What was said to a wording."""

    wordingId = serializers.IntegerField(source="wording_id", min_value=1, max_value=2**63 - 1)
    isGiven = serializers.BooleanField(source="is_given")


class Another(serializers.Serializer):
    """Somebody else of the family."""

    name = serializers.CharField(max_length=255)
    born = serializers.DateField(source="date_of_birth", required=False, allow_null=True, default=None)


@door("GET")
def known(request: Request, session_id: UUID) -> Response:
    """Say who else the patient may be, to those who see the call."""
    session = find_call(session_id)
    if not may_see(request, session, request.auth.practitioner):
        raise sessions.NotYourSession
    return Response(patient_state.known_of(session))


link = verb(Linked)(linking.link)
unlink = verb()(linking.unlink)
another = verb(Another)(linking.make_for_another)


@verb(Agreeing)
@transaction.atomic
def identify(
    *, session_id: UUID, consultant: Practitioner | None, identifiers: list[str], by: User, now: datetime
) -> None:
    """Write down which identifiers agreed."""
    session = linking.own_call(session_id, consultant)
    identity.check(patient_id=session.patient_id, identifiers=identifiers, session_id=session_id, by=by, now=now)


@verb(Details)
@transaction.atomic
def details(
    *, session_id: UUID, consultant: Practitioner | None, changes: list[dict[str, Any]], by: User, now: datetime
) -> None:
    """Fill in what is empty and propose what is said to be otherwise: all of it, or where one is wrong, nothing."""
    session = linking.own_call(session_id, consultant)
    for change in changes:
        proposals.tell(
            patient_id=session.patient_id,
            source=DetailProposal.Source.CALL,
            session_id=session_id,
            by=by,
            now=now,
            **change,
        )


@verb(Decided)
@transaction.atomic
def decide(
    *,
    session_id: UUID,
    consultant: Practitioner | None,
    proposal_id: int,
    is_taken: bool,
    by: User,
    now: datetime,
) -> None:
    """Take a proposed detail of the call's patient over, or refuse it."""
    session = linking.own_call(session_id, consultant)
    if not session.patient.proposals.filter(pk=proposal_id).exists():
        raise Missing("There is no such proposal.")
    proposals.decide(proposal_id=proposal_id, is_taken=is_taken, session_id=session_id, by=by, now=now)


@verb(Said)
@transaction.atomic
def consent(
    *, session_id: UUID, consultant: Practitioner | None, wording_id: int, is_given: bool, by: User, now: datetime
) -> None:
    """Write down what the patient said to a wording that was read out."""
    session = linking.own_call(session_id, consultant)
    how = Consent.How.PHONE
    consents.record(
        patient_id=session.patient_id,
        wording_id=wording_id,
        is_given=is_given,
        how=how,
        session_id=session_id,
        by=by,
        now=now,
    )
