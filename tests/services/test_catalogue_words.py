"""The catalogue's words, approved and shown."""

import pytest
from django.utils import timezone

from botaniqal.errors import Missing, NotAllowed
from botaniqal.wording import gate
from botaniqal.wording.models import Approval
from services import catalogue_words
from services.models import AppointmentType, Service
from tests.factories import AppointmentTypeFactory, ServiceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def sleep():
    service = ServiceFactory(
        slug="sleep", name="Sleep", description="How to rest", confirmation_message="Bring a pillow"
    )
    AppointmentTypeFactory(service=service, code="initial-sleep", name="Sleep, initial")
    return service


def approve(service: Service, reason: str = "", **more) -> list[Approval]:
    by = more.pop("by", None) or UserFactory(roles=["operations"])
    return catalogue_words.approve(service_id=service.pk, reason=reason, by=by, now=timezone.now(), **more)


class TestApprove:
    def test_lets_all_words_of_a_service_be_read(self, sleep):
        approve(sleep)

        shown = catalogue_words.shown([sleep])["sleep"]
        assert (shown.name, shown.description, shown.confirmation) == ("Sleep", "How to rest", "Bring a pillow")
        assert shown.types["initial-sleep"] == "Sleep, initial"

    def test_leaves_out_types_that_are_off(self, sleep):
        AppointmentType.objects.update(is_active=False, name="A miracle")

        approve(sleep)

        assert not Approval.objects.filter(subject__startswith="type:").exists()

    def test_refuses_words_that_were_changed_since_they_were_read(self, sleep):
        read = catalogue_words.fingerprint(catalogue_words.texts_to_approve(sleep))
        AppointmentType.objects.update(name="Something else")

        with pytest.raises(catalogue_words.WordsChanged):
            approve(sleep, seen=read)

        assert not Approval.objects.filter(subject__startswith="service:").exists()

    def test_takes_the_words_that_were_read(self, sleep):
        read = catalogue_words.fingerprint(catalogue_words.texts_to_approve(sleep))

        assert len(approve(sleep, seen=read)) == 4

    def test_asks_for_no_reason_for_words_that_were_accepted_before(self, sleep):
        Service.objects.update(description="No cure is promised")
        approve(sleep, "It promises nothing.")
        Service.objects.update(name="Sleep well")

        [row] = approve(sleep)

        assert (row.subject, row.text) == ("service:sleep:name", "Sleep well")

    def test_is_not_for_a_consultant(self, sleep):
        with pytest.raises(NotAllowed):
            approve(sleep, by=UserFactory(roles=["consultant"]))

    def test_says_when_there_is_no_such_service(self):
        with pytest.raises(Missing):
            approve(Service(pk=0))

    def test_has_the_publish_check_look_again(self, sleep, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks() as rung:
            approve(sleep)

        assert len(rung) == 1


class TestShown:
    def test_leaves_out_what_nobody_approved(self, sleep):
        assert catalogue_words.shown([sleep]) == {}

    def test_shows_the_approved_words_while_others_wait(self, sleep):
        approve(sleep)
        Service.objects.update(name="Rest", description="")

        shown = catalogue_words.shown(Service.objects.all())["sleep"]

        assert (shown.name, shown.description) == ("Sleep", "How to rest")

    def test_takes_away_what_was_approved_as_empty(self, sleep):
        approve(sleep)
        Service.objects.update(description="")
        approve(sleep)

        assert catalogue_words.shown([sleep])["sleep"].description == ""

    def test_costs_one_query(self, sleep, django_assert_num_queries):
        approve(sleep)

        with django_assert_num_queries(1):
            catalogue_words.shown([sleep])

    def test_is_what_a_new_catalogue_can_show(self, offered):
        """No word of the initial catalogue is a risky one."""
        texts = [text for service in Service.objects.all() for text in catalogue_words.texts_to_approve(service)]

        assert [each.text.label for each in gate.states(texts) if each.findings or each.state != "approved"] == []
