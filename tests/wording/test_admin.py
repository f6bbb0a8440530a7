"""Risky words and approvals in the admin."""

import pytest
from django.urls import reverse
from django.utils import timezone

from botaniqal.wording import gate
from botaniqal.wording.models import Approval, RiskyWord
from tests.admin.conftest import logged_in, somebody

pytestmark = pytest.mark.django_db

WORD = {"weight": "warned", "why": "It promises.", "is_active": "on"}


@pytest.fixture
def manager():
    return somebody("management")


@pytest.fixture
def browser(manager):
    return logged_in(manager)


class TestRiskyWords:
    def test_are_made_after_a_migrate(self):
        assert RiskyWord.objects.get(words="cannabis").weight == "refused"
        assert RiskyWord.objects.exclude(why="").count() > 25

    def test_can_be_added(self, browser):
        browser.post(reverse("admin:wording_riskyword_add"), {**WORD, "words": "  wonder   drug* "})

        assert RiskyWord.objects.get(words="wonder drug*").why == "It promises."

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("a*", "three letters"),
            ("-*", "three letters"),
            ("c*re", "only stand at the end"),
            ("CANNABIS", "in the list already"),
            ("", "required"),
        ],
    )
    def test_must_be_such_as_can_be_looked_for(self, browser, words, said):
        answer = browser.post(reverse("admin:wording_riskyword_add"), {**WORD, "words": words})

        assert said in answer.content.decode()

    def test_are_not_for_consultants(self):
        answer = logged_in(somebody("consultant")).get(reverse("admin:wording_riskyword_changelist"))

        assert answer.status_code == 403


class TestApprovals:
    @pytest.fixture
    def approved(self, manager):
        for text in ("Sleep", "Sleep <b>well</b>"):
            texts = [gate.Text("service:sleep:name", "Sleep: name", text)]
            gate.approve(texts=texts, reason="", by=manager, now=timezone.now())

    def test_show_what_the_public_reads_and_on_wish_all(self, browser, approved):
        address = reverse("admin:wording_approval_changelist")

        now, ever = (browser.get(address, query).content.decode() for query in ({}, {"view": "all"}))

        assert (now.count("Sleep: name"), ever.count("Sleep: name")) == (1, 2)
        assert "&lt;b&gt;well" in now
        assert "Management" in now

    def test_are_never_changed(self, browser, approved):
        row = Approval.objects.first()
        address = reverse("admin:wording_approval_change", args=[row.pk])

        page = browser.get(address).content.decode()
        browser.post(address, {"text": "Something else"})
        added = browser.get(reverse("admin:wording_approval_add"))

        assert 'name="text"' not in page
        assert Approval.objects.get(pk=row.pk).text == row.text
        assert added.status_code == 403
