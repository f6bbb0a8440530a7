"""Amazon SES as Anymail speaks to it, where each call goes under the request's id."""

from typing import Any

from anymail.backends.amazon_ses import EmailBackend
from botocore.awsrequest import AWSRequest

from botaniqal import logs


class NamedRequests(EmailBackend):
    """Sends e-mails through Amazon SES."""

    def open(self) -> bool:
        """Make the client, unless there is one."""
        is_new = super().open()
        if is_new:
            self.client.meta.events.register("before-sign.sesv2", _name)
        return is_new


def _name(request: AWSRequest, **others: Any) -> None:
    for name, value in logs.to_send().items():
        request.headers[name] = value
