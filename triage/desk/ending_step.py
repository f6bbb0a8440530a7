"""The end of a call at the desk: how it ended."""

from rest_framework import serializers

from .. import sessions
from ..models import Outcome
from .doors import verb


class Ending(serializers.Serializer):
    """How the call ended."""

    outcome = serializers.ChoiceField(Outcome.choices)
    disposition = serializers.SlugField(required=False, allow_blank=True, default="")


wrap_up = verb(Ending)(sessions.wrap_up)
