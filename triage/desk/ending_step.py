"""The end of a call at the desk: how it ended, taking a booking back, and what the card says beside the answers."""

from rest_framework import serializers

from .. import hand_over, sessions
from ..models import Outcome
from ..undo import undo_booking
from .doors import verb


class Ending(serializers.Serializer):
    """How the call ended."""

    outcome = serializers.ChoiceField(Outcome.choices)
    disposition = serializers.SlugField(required=False, allow_blank=True, default="")


class Remark(serializers.Serializer):
    """What is written on the card, and what stood there before."""

    former = serializers.CharField(allow_blank=True, max_length=5000, trim_whitespace=False)
    remark = serializers.CharField(allow_blank=True, max_length=5000, trim_whitespace=False)


wrap_up = verb(Ending)(sessions.wrap_up)
undo = verb()(undo_booking)
remark = verb(Remark)(hand_over.write_remark)
