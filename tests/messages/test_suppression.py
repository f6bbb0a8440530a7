import pytest
from django.utils import timezone

from botaniqal.errors import Malformed
from botaniqal.messages import suppression
from botaniqal.messages.models import Suppression
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ADDRESS = "leo.martin@example.com"
CARD = "4242 4242 4242 4242"


def suppress(address=ADDRESS, **fields):
    return suppression.suppress(
        **{"address": address, "cause": suppression.Cause.BOUNCED, "by": None, "now": timezone.now(), **fields}
    )


def lift(row, **fields):
    return suppression.lift(
        **{
            "suppression_id": row.pk,
            "reason": "Rang him, the address is right",
            "by": UserFactory(),
            "now": timezone.now(),
            **fields,
        }
    )


class TestSuppress:
    def test_stops_mail_to_the_address_however_it_is_written(self):
        suppress()

        assert suppression.is_suppressed("Leo.MARTIN@example.com")
        assert not suppression.is_suppressed("ava@example.com")

    def test_is_done_once_however_often(self):
        first, second = suppress(), suppress("LEO.Martin@example.com", cause=suppression.Cause.COMPLAINED)

        assert first == second
        assert Suppression.objects.get().cause == suppression.Cause.BOUNCED

    def test_takes_no_card_number_in_a_reason(self):
        with pytest.raises(Malformed):
            suppress(reason=CARD)

        assert not Suppression.objects.exists()


class TestLift:
    def test_lets_mail_go_again_and_remembers_who_said_so(self):
        lifted = lift(suppress())

        assert not suppression.is_suppressed(ADDRESS)
        assert lifted.lift_reason == "Rang him, the address is right"
        assert lifted.lifted_by

    def test_is_done_once(self):
        row = suppress()
        lift(row)

        with pytest.raises(suppression.NotSuppressed):
            lift(row)

    def test_leaves_a_later_bounce_to_count_anew(self):
        lift(suppress())

        suppress()

        assert suppression.is_suppressed(ADDRESS)

    @pytest.mark.parametrize("reason", ["", "  ", f"paid with {CARD}"])
    def test_asks_for_a_reason_without_a_card_number(self, reason):
        row = suppress()

        with pytest.raises(Malformed):
            lift(row, reason=reason)

        assert suppression.is_suppressed(ADDRESS)
