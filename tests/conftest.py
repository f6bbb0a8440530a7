"""What every test may ask for."""

from django.conf import settings

pytest_plugins = ["tests.sandbox_server", "tests.stack"]


def pytest_configure():
    """Let people's passwords cost nothing: hundreds are made."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
