"""What must hold between settings before the portal may speak to vendors."""

from typing import Any

from django.conf import settings
from django.core.checks import Error


def check_lease(**_: Any) -> list[Error]:
    """Say so where a worker's lease ends before a vendor has to answer: another worker would send the same again."""
    # To connect may take as long as to answer.
    if settings.SYNC_LEASE_SECONDS >= 2 * settings.VENDOR_TIMEOUT_SECONDS:
        return []
    return [
        Error(
            "SYNC_LEASE_SECONDS is less than twice VENDOR_TIMEOUT_SECONDS.",
            hint="A slow vendor could be told the same twice. Make the lease longer, or the time-out shorter.",
            id="integrations.E001",
        )
    ]
