"""Step 3 of the desk: the script's questions, and what stops a call."""
# ruff: noqa: N815  (the API's own spelling of its fields)

from rest_framework import serializers

from .. import red_flags, scripts
from .doors import verb


class Answered(serializers.Serializer):
    """What was answered to a question, in place of which answer."""

    code = serializers.SlugField(max_length=40)
    value = serializers.CharField(allow_blank=True, max_length=scripts.LONGEST_TEXT, trim_whitespace=False)
    former = serializers.IntegerField(allow_null=True, required=False, default=None)


class Heard(serializers.Serializer):
    """What was heard that no question asks for."""

    words = serializers.CharField(max_length=200)


class To(serializers.Serializer):
    """To whom a red flag is brought; without a name to whoever comes first."""

    clinicianId = serializers.UUIDField(source="clinician_id", required=False, allow_null=True, default=None)


answer = verb(Answered)(scripts.answer)
red_flag = verb(Heard)(red_flags.put_up_by_hand)
escalate = verb(To)(red_flags.escalate)
