from datetime import timedelta

import pytest
from django.utils import timezone

from botaniqal.integrations import subscriptions
from botaniqal.integrations.models import Subscription
from tests.sandbox_server import ENVIRONMENT

pytestmark = pytest.mark.django_db

Vendor = Subscription.Vendor
ORGANIZATION = ENVIRONMENT["CALENDLY_ORGANIZATION"]


class TestHeard:
    def test_is_written_down_once_a_minute(self):
        now = timezone.now()
        Subscription.objects.create(vendor="calendly", resource=ORGANIZATION)

        for seconds in (0, 59, 61):
            subscriptions.heard(vendor=Vendor.CALENDLY, now=now + timedelta(seconds=seconds))

        assert Subscription.objects.get().heard_at == now + timedelta(seconds=61)

    def test_costs_one_query_within_that_minute(self, django_assert_num_queries):
        now = timezone.now()
        Subscription.objects.create(vendor="calendly", resource=ORGANIZATION, heard_at=now)

        with django_assert_num_queries(1):
            subscriptions.heard(vendor=Vendor.CALENDLY, now=now)

    def test_is_about_one_mailbox(self):
        now = timezone.now()
        for name in ("dia@example.com", "shivani@example.com"):
            Subscription.objects.create(vendor="graph", resource=name)

        subscriptions.heard(vendor=Vendor.GRAPH, resource="dia@example.com", now=now)

        assert list(Subscription.objects.exclude(heard_at=None).values_list("resource", flat=True)) == [
            "dia@example.com"
        ]
