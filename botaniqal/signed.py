"""What nobody but us can write: the tokens of links in e-mails, and the keys of forms."""

from datetime import timedelta
from uuid import UUID, uuid4

from django.core import signing

from botaniqal.errors import Missing

FORM_LIFE = timedelta(hours=24)


def pieces_of(token: str, *, signer: signing.Signer, count: int = 1) -> list[str]:
    """
    Read what stands in the token of a link.

    :raises Missing: nobody here wrote that link.
    """
    try:
        pieces = signer.unsign(token).split("-")
    except signing.BadSignature:
        pieces = []
    if len(pieces) != count:
        raise Missing("This link is not complete. Open it from the e-mail again, or reply to that e-mail.")
    return pieces


def new_key(signer: signing.TimestampSigner) -> str:
    """Make the key of a form, by which what it asked for is known however often it is sent."""
    return signer.sign(uuid4().hex)


def key_of(key: str, *, signer: signing.TimestampSigner) -> UUID | None:
    """Read the key of a form; None for one that was not made here, or too long ago to know what became of it."""
    try:
        return UUID(signer.unsign(key, max_age=FORM_LIFE))
    except signing.BadSignature:
        return None
