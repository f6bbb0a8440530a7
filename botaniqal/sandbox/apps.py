"""What the sandbox does when it starts."""

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings

from botaniqal.sandbox import deliveries
from botaniqal.sandbox.calendly import clinic


class SandboxConfig(AppConfig):
    """The stand-in vendors."""

    name = "botaniqal.sandbox"

    def ready(self) -> None:
        """Learn the event types of the environment and go on with what was under way."""
        clinic.learn_from_environment()
        # The addresses bring every vendor in, and with it the way in which it delivers.
        import_module(settings.ROOT_URLCONF)
        deliveries.resume()
