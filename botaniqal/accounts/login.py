"""Who may log in with a password."""

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

DEMO_PASSWORD = "botaniqal-demo"  # noqa: S105 - known to everybody, and good for nothing but the demo


class PasswordBackend(ModelBackend):
    """E-mail and password; the demo's password opens nothing outside the demo."""

    def authenticate(self, request: HttpRequest | None, username=None, password=None, **kwargs):
        """Find the person whom e-mail and password belong to."""
        if password == DEMO_PASSWORD and not settings.DEMO:
            return None
        return super().authenticate(request, username=username, password=password, **kwargs)
