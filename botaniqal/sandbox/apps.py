"""What the sandbox does when it starts."""

from django.apps import AppConfig

from botaniqal.sandbox.calendly import clinic, deliveries


class SandboxConfig(AppConfig):
    """The stand-in vendors."""

    name = "botaniqal.sandbox"

    def ready(self) -> None:
        """Learn the event types of the environment and go on with what was under way."""
        clinic.learn_from_environment()
        deliveries.resume()
