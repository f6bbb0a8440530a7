import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings


class TestCheckLease:
    @pytest.mark.parametrize(("lease", "timeout"), [(60, 10), (8, 4), (3, 1.5)])
    def test_is_content_with_a_lease_that_outlasts_a_request(
        self, settings: Settings, lease: float, timeout: float
    ) -> None:
        settings.SYNC_LEASE_SECONDS, settings.VENDOR_TIMEOUT_SECONDS = lease, timeout

        call_command("check")

    def test_stops_where_a_request_outlasts_the_lease(self, settings: Settings) -> None:
        settings.SYNC_LEASE_SECONDS, settings.VENDOR_TIMEOUT_SECONDS = 19, 10

        with pytest.raises(CommandError, match=r"integrations\.E001"):
            call_command("check")
