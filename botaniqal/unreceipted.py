"""Bells as a worker takes them from the broker: for good, and without a receipt."""

from celery.worker.request import Request


class Unreceipted(Request):
    """A message of which the broker awaits no receipt; sent where it is awaited no more, one ends the worker."""

    def acknowledge(self) -> None:
        """Send no receipt."""
        self.acknowledged = True
