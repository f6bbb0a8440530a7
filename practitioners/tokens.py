"""Who calls the API: a consultant's token, the phone system's key, or somebody in the portal."""

from rest_framework.authentication import BaseAuthentication, SessionAuthentication


class ConsultantToken(BaseAuthentication): ...


class PhoneSystemKey(BaseAuthentication): ...


class PortalSession(SessionAuthentication): ...
