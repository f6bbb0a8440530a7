from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from botaniqal.api import idempotency
from botaniqal.api.models import IdempotentRequest
from tests.api.probe import worked

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.probe")]


def work(key: str | None, **body):
    headers = {} if key is None else {"Idempotency-Key": key}
    return APIClient(raise_request_exception=False).post("/api/work", body, format="json", headers=headers)


@pytest.fixture
def key():
    return str(uuid4())


class TestOncePerKey:
    def test_does_the_work_once_and_repeats_the_answer(self, key):
        first = work(key)

        again = work(key)

        assert worked[key] == 1
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert again["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first

    def test_works_each_time_without_a_key(self):
        answers = [work(None), work(None)]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert IdempotentRequest.objects.count() == 0

    def test_repeats_a_refusal(self, key):
        work(key, ends="refused")

        again = work(key, ends="refused")

        assert worked[key] == 1
        assert again.status_code == 422
        assert again["Idempotent-Replayed"] == "true"

    def test_refuses_the_key_of_another_request(self, key):
        work(key)

        other = work(key, ends="busy")

        assert other.status_code == 422
        assert other.json()["code"] == "idempotency_key_reused"

    @pytest.mark.parametrize(("ends", "status"), [("busy", 503), ("fault", 500)])
    def test_tries_again_what_another_try_may_change(self, key, ends, status):
        first = work(key, ends=ends)

        again = work(key, ends=ends)

        assert (first.status_code, again.status_code) == (status, status)
        assert worked[key] == 2
        assert "Idempotent-Replayed" not in again

    @pytest.mark.parametrize("bad", ["", "k" * 256, "tab\there", "ключ".encode().decode("latin-1")])
    def test_refuses_a_key_that_is_none(self, bad):
        answer = work(bad)

        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid"

    def test_asks_to_wait_while_the_first_is_at_work(self, key):
        work(key)
        IdempotentRequest.objects.update(status=None, answer=None)

        second = work(key)

        assert second.status_code == 409
        assert second.json()["code"] == "idempotency_in_flight"

    def test_takes_over_from_a_process_that_died(self, key):
        work(key)
        IdempotentRequest.objects.update(status=None, answer=None)

        with time_machine.travel(timezone.now() + idempotency.LONGEST_WORK + timedelta(seconds=1)):
            second = work(key)

        assert second.status_code == 201
        assert worked[key] == 2

    def test_keeps_nothing_of_the_body_that_could_be_guessed(self, key):
        work(key, password="botaniqal")  # the row holds a keyed hash, and the answer

        row = IdempotentRequest.objects.get()

        assert "botaniqal" not in f"{row.fingerprint} {row.answer}"


class TestInARace:
    @pytest.mark.django_db(transaction=True)
    def test_works_once(self, key):
        def post(_):
            try:
                return work(key).status_code
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(post, range(24)))

        assert worked[key] == 1
        assert set(statuses) <= {201, 409}
        assert 201 in statuses


class TestForgetOld:
    def test_deletes_what_nobody_will_ask_for(self, key, settings):
        work(key)
        now = timezone.now()

        kept = idempotency.forget_old(now)
        forgotten = idempotency.forget_old(now + timedelta(hours=settings.IDEMPOTENCY_KEEP_HOURS, seconds=1))

        assert (kept, forgotten) == (0, 1)
