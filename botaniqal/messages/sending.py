"""Sending e-mails through Amazon SES, which knows no idempotency key: after a doubt an e-mail may come twice."""

import re
from contextlib import closing
from functools import partial
from typing import Any

from anymail.exceptions import AnymailAPIError, AnymailError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from botaniqal.integrations import owed
from botaniqal.integrations.http import VendorUnavailable, counted
from botaniqal.integrations.owed import NeedsPerson
from botaniqal.messages.models import Message
from botaniqal.messages.suppression import is_suppressed

BAD_REQUEST = 400
METHOD = re.compile(r"^METHOD:(\w+)", re.MULTILINE)
# SES says 400 for these too, but they are about our account and not about this e-mail.
OF_THE_ACCOUNT = {
    "AccountSuspendedException",
    "LimitExceededException",
    "MailFromDomainNotVerifiedException",
    "SendingPausedException",
}
SUPPRESSED = "This address bounced, or wants no mail from us. Tell them in another way."
REFUSED = "The mail service did not take this e-mail. Check the address, and tell the patient in another way."


def send_due() -> int:
    """Send the e-mails that wait, and count them."""
    with closing(get_connection()) as connection:
        return owed.work(Message.objects.all(), partial(_send, connection=connection))


def _send(message: Message, *, connection: BaseEmailBackend) -> dict[str, Any]:
    """
    Send one e-mail; what nobody has to do anything about ends unsent: what is too old, marketing that is not wanted.

    :raises VendorUnavailable: no answer, or none about this e-mail.
    :raises NeedsPerson: the address is suppressed, or the mail service refused it or the e-mail.
    """
    if message.good_until and message.good_until <= timezone.now():
        return {"outcome": "Not sent: it was too late for it."}
    if is_suppressed(message.to):
        if message.stream == Message.Stream.MARKETING:
            return {"outcome": "Not sent: the address is not written to any more."}
        raise NeedsPerson(SUPPRESSED)
    mail = _mail(message, connection)
    with counted("SES"):
        return _post(mail, connection)


def _post(mail: EmailMultiAlternatives, connection: BaseEmailBackend) -> dict[str, Any]:
    # Errors are raised outside the except clauses: what they replace quotes the address.
    try:
        connection.open()  # an open one stays so, for the whole run
        connection.send_messages([mail])
    except AnymailAPIError as error:
        refusal = error.response
    except (AnymailError, ValueError):
        refusal = {"ResponseMetadata": {"HTTPStatusCode": BAD_REQUEST}}
    else:
        status = getattr(mail, "anymail_status", None)
        return {"sent_at": timezone.now(), "external_id": status.message_id if status else ""}
    code = (refusal or {}).get("Error", {}).get("Code", "no answer")
    status = (refusal or {}).get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status == BAD_REQUEST and code not in OF_THE_ACCOUNT:
        raise NeedsPerson(REFUSED)
    raise VendorUnavailable(f"Amazon SES: {code}")


def _mail(message: Message, connection: BaseEmailBackend) -> EmailMultiAlternatives:
    headers = {"Auto-Submitted": "auto-generated", "X-Botaniqal-Message": str(message.pk)}
    if message.unsubscribe_link:  # a mail client shows a button of its own, and posts (RFC 8058)
        headers["List-Unsubscribe"] = f"<{message.unsubscribe_link}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail = EmailMultiAlternatives(
        message.subject, message.text, to=[message.to], headers=headers, connection=connection
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    if message.calendar:
        # As another form of the text it is what mail clients act on by themselves; as a file, what everybody can open.
        method = METHOD.search(message.calendar)[1]
        mail.attach_alternative(message.calendar, f"text/calendar; method={method}")
        mail.attach("appointment.ics", message.calendar, "application/ics")
    # By these Amazon's reports on deliveries, bounces and complaints are matched to the row.
    mail.metadata = {"message": str(message.pk)}
    mail.esp_extra = {"EmailTags": [{"Name": "message", "Value": str(message.pk)}]}
    return mail
