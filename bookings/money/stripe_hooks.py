"""What a delivery from Stripe sets off: the thing that it is about is read again, and what follows is done."""

from uuid import UUID

from django.utils import timezone

from botaniqal.integrations import stripe_client
from botaniqal.integrations.models import InboundEvent
from botaniqal.integrations.owed import NeedsPerson

from ..models import Booking, Checkout
from . import disputes, refunding, settlement

NOT_OURS = "Ignored: it is about no payment of the portal's."
DECLINED = "A payment did not go through. The patient may try again."
UNKNOWN_SESSION = "Somebody paid by a session whose address the portal gave to nobody. Look it up at Stripe."


def session_told(event: InboundEvent) -> str:
    """
    Look at a checkout session.

    :raises NeedsPerson: something was paid that was not asked for.
    """
    session_id, reference = _about(event, "id"), _uuid(_about(event, "client_reference_id"))
    checkout = Checkout.objects.filter(external_id=session_id).first()
    if checkout:
        return _looked(checkout)
    if reference is None or not Checkout.objects.filter(pk=reference).exists():
        return NOT_OURS
    # Its answer was lost, and another one was opened in its place.
    if stripe_client.client().session(session_id).is_paid:
        raise NeedsPerson(UNKNOWN_SESSION)
    return "Ignored: nobody has the address of this session."


def intent_failed(event: InboundEvent) -> str:
    """Say that a card was declined; the session stays open for another one, or tells of its end itself."""
    return DECLINED


def refund_told(event: InboundEvent) -> str:
    """
    Look at what was given back of a payment.

    :raises NeedsPerson: something was paid that was not asked for.
    """
    checkout = _paid_by(_about(event, "payment_intent"))
    if checkout is None:
        return NOT_OURS
    stands = refunding.look(payment_intent=checkout.payment_intent, now=timezone.now())
    return f"{checkout.booking}: {'; '.join(stands) or 'nothing was given back'}."


def dispute_told(event: InboundEvent) -> str:
    """Look at a dispute."""
    _paid_by(_about(event, "payment_intent"))
    dispute = disputes.look(dispute_id=_about(event, "id"), now=timezone.now())
    whose = dispute.checkout.booking if dispute.checkout else "A payment that is not the portal's"
    return f"{whose}: {dispute}."


def _paid_by(payment_intent: str) -> Checkout | None:
    """Find the checkout that a payment came through, looking at it first where nobody has told us of the payment."""
    if not payment_intent:
        return None
    known = Checkout.objects.filter(payment_intent=payment_intent).first()
    if known:
        return known
    reference = _uuid(stripe_client.client().intent(payment_intent).reference)
    if reference and Checkout.objects.filter(pk=reference).exists():
        settlement.look(reference, timezone.now())
    return Checkout.objects.filter(payment_intent=payment_intent).first()


def _looked(checkout: Checkout) -> str:
    after = settlement.look(checkout.pk, timezone.now())
    booking = Booking.objects.get(pk=after.booking_id)
    return f"{booking}: {after.get_status_display().lower()}; {booking.get_state_display().lower()}."


def _about(event: InboundEvent, name: str) -> str:
    return str(event.payload.get(name, ""))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
