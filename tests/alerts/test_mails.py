import pytest
from django.utils import timezone

from botaniqal.alerts import telling
from botaniqal.integrations import incidents, owed
from botaniqal.integrations.models import Incident
from botaniqal.messages import sending
from botaniqal.messages.models import Message
from tests.admin.conftest import somebody
from tests.alerts.conftest import mails
from tests.alerts.test_telling import SUMMARY, acknowledge, end, happen

pytestmark = pytest.mark.django_db


class TestByEmail:
    """Incidents of which a role is told."""

    @pytest.fixture
    def people(self, ses):
        return [somebody("operations") for _ in range(3)]

    def begin(self, **fields):
        happen(action=incidents.Action.OPERATIONS, **fields)
        self.work()

    def work(self):
        telling.work_due()
        sending.send_due()

    def test_goes_to_each_once_when_it_begins_and_when_it_is_over(self, people, ses):
        self.begin()
        self.begin()
        end()
        self.work()
        self.work()

        subjects = (f"Alert: {SUMMARY}", f"Over: {SUMMARY}")
        assert mails(ses) == sorted((person.email, subject) for person in people for subject in subjects)

    def test_goes_to_nobody_who_cannot_log_in(self, people, ses):
        people[0].is_active = False
        people[0].save()

        self.begin()

        assert {address for address, _ in mails(ses)} == {person.email for person in people[1:]}

    def test_tells_of_the_end_whom_it_told_of_the_beginning(self, people, ses):
        self.begin()
        people[0].groups.clear()
        late = somebody("operations")

        end()
        self.work()

        over = {address for address, subject in mails(ses) if subject.startswith("Over")}
        assert over == {person.email for person in people}
        assert late.email not in over

    def test_says_so_where_there_is_nobody(self, ses):
        self.begin()
        begun = Incident.objects.get()
        end()
        self.work()

        assert (begun.state, begun.outcome) == ("synced", telling.NO_PEOPLE.format("operations"))
        assert Incident.objects.get().outcome == begun.outcome
        assert mails(ses) == []

    def test_says_nothing_about_anybody_but_the_reader(self, people, ses):
        self.begin()

        [mail, *_] = ses.state("ses")["messages"]
        assert people[0].first_name in mail["text"]
        assert SUMMARY in mail["text"]

    def test_is_tried_again_and_then_waits_for_a_person(self, people, ses, settings):
        settings.SYNC_TRIES, settings.SYNC_BACKOFF_SECONDS = 2, 0
        ses.faults("ses", "error_before")

        self.begin()
        self.work()

        assert {message.state for message in telling.messages_of(Incident.objects.get())} == {"needs_person"}
        ses.clear_faults()
        for message in Message.objects.all():
            owed.retry(message, now=timezone.now())
        sending.send_due()
        assert len(mails(ses)) == 3

    def test_is_written_once_though_it_is_cut_off(self, people, ses):
        self.begin()
        Incident.objects.update(told=0, told_at=None)

        self.work()

        assert len(mails(ses)) == 3

    def test_says_nothing_more_when_somebody_looks_after_it(self, people, ses):
        self.begin()

        acknowledge(people[0])
        self.work()

        assert len(mails(ses)) == 3
