from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from botaniqal.errors import Malformed, Missing
from botaniqal.messages.models import Message
from services import interest
from services.models import InterestEntry, Service
from tests.factories import AppointmentTypeFactory, ServiceFactory, UserFactory
from tests.offering import approve_words

pytestmark = pytest.mark.django_db

Kind, Source = Message.Kind, InterestEntry.Source
WORDS = "Please write to me."


@pytest.fixture
def counselling():
    return announced("Counselling", slug="counseling")


def announced(name, **fields):
    service = ServiceFactory(name=name, status=Service.Status.COMING_SOON, has_waitlist=True, **fields)
    approve_words(service)
    return service


def join(service, **changes):
    said = {"name": "Leo Martin", "email": "leo@example.com", "phone": "", "source": Source.PAGE, "wording": WORDS}
    return interest.join(service=service, **{**said, "now": timezone.now(), **changes})


def launch(service):
    AppointmentTypeFactory(service=service)
    service.status = Service.Status.ACTIVE
    service.save()


def written(kind=None):
    messages = Message.objects.order_by("created_at")
    return list(messages.filter(kind=kind) if kind else messages)


class TestJoin:
    def test_keeps_what_was_agreed_to_word_by_word(self, counselling):
        now = timezone.now()

        entry = join(counselling, name=" Leo  Martin ", phone="0412 345 678", now=now)

        entry.refresh_from_db()
        assert (entry.name, entry.phone) == ("Leo Martin", "+61412345678")
        assert (entry.consent_wording, entry.consented_at, entry.joined_at) == (WORDS, now, now)

    def test_confirms_it_by_an_e_mail_with_a_way_out(self, counselling):
        entry = join(counselling)

        [message] = written()
        assert (message.kind, message.stream, message.to) == (Kind.INTEREST_JOINED, "factual", "leo@example.com")
        assert message.unsubscribe_link == interest.unsubscribe_link(entry)
        assert interest.unsubscribe_link(entry) in message.text
        assert "Counselling" in message.text

    def test_is_one_entry_and_one_e_mail_however_often(self, counselling):
        first = join(counselling)

        again = join(counselling, email="LEO@Example.com", name="Somebody Else", phone="0412345678")

        assert again == first
        assert InterestEntry.objects.get().name == "Leo Martin"
        assert len(written()) == 1

    def test_is_an_entry_of_its_own_for_another_service(self, counselling):
        assert join(counselling) != join(announced("Equine"))

    def test_brings_back_who_had_left_with_a_new_consent(self, counselling):
        entry = join(counselling)
        interest.leave(entry_id=entry.pk, now=timezone.now())
        later = timezone.now() + timedelta(days=3)

        again = join(counselling, wording="Other words.", source=Source.API, now=later)

        again.refresh_from_db()
        assert again.pk == entry.pk
        assert (again.left_at, again.consent_wording, again.consented_at) == (None, "Other words.", later)
        assert (again.joined_at, again.source) == (later, Source.API)

    @pytest.mark.parametrize("status", ["active", "paused", "retired"])
    def test_is_refused_where_nothing_is_to_come(self, counselling, status):
        counselling.status = status

        with pytest.raises(interest.NoList):
            join(counselling)

        assert not InterestEntry.objects.exists()

    def test_is_refused_where_there_is_no_list(self, counselling):
        counselling.has_waitlist = False

        with pytest.raises(interest.NoList):
            join(counselling)

    def test_is_refused_where_nobody_approved_the_name(self):
        unread = ServiceFactory(name="Miracles", status=Service.Status.COMING_SOON, has_waitlist=True)

        with pytest.raises(interest.NoList) as refusal:
            join(unread)

        assert "Miracles" not in refusal.value.message

    def test_tells_of_the_service_by_its_approved_name(self, counselling):
        counselling.name = "Something else"
        counselling.save()

        join(counselling)

        assert "Counselling" in written()[0].text

    @pytest.mark.parametrize(
        ("field", "said", "fault"),
        [
            ("name", "", "name"),
            ("name", "win at casino.com", "name"),
            ("name", "x" * 256, "name"),
            ("email", "leo", "email"),
            ("email", "", "email"),
            ("phone", "12", "phone"),
            ("wording", " ", "consent"),
        ],
    )
    def test_names_what_cannot_be_read(self, counselling, field, said, fault):
        with pytest.raises(Malformed) as refusal:
            join(counselling, **{field: said})

        assert list(refusal.value.details) == [fault]
        assert not InterestEntry.objects.exists()

    def test_refuses_a_card_number_for_a_name(self, counselling):
        with pytest.raises(Malformed):
            join(counselling, name="4242 4242 4242 4242")


class TestLeave:
    def test_ends_everything_that_was_to_come(self, counselling):
        entry = join(counselling)

        interest.leave(entry_id=entry.pk, now=timezone.now())

        assert not written()
        launch(counselling)
        assert interest.tell_due(now=timezone.now()) == 0

    def test_is_the_same_when_done_twice(self, counselling):
        entry = join(counselling)
        first = interest.leave(entry_id=entry.pk, now=timezone.now())

        again = interest.leave(entry_id=entry.pk, now=timezone.now() + timedelta(days=1))

        assert again.left_at == first.left_at

    def test_leaves_an_e_mail_that_is_on_its_way(self, counselling):
        entry = join(counselling)
        Message.objects.update(leased_until=timezone.now() + timedelta(minutes=1))

        interest.leave(entry_id=entry.pk, now=timezone.now())

        assert len(written()) == 1

    def test_knows_nobody_who_never_joined(self):
        with pytest.raises(Missing):
            interest.leave(entry_id=uuid4(), now=timezone.now())


class TestEntryOf:
    def test_finds_whose_link_it_is(self, counselling):
        entry = join(counselling)

        token = interest.unsubscribe_link(entry).rpartition("/")[2]

        assert interest.entry_of(token) == entry

    @pytest.mark.parametrize("token", ["", "x", "abc:def", f"{UUID(int=0).hex}:forged"])
    def test_refuses_what_nobody_here_wrote(self, token):
        with pytest.raises(Missing):
            interest.entry_of(token)

    def test_refuses_another_link_of_ours(self, counselling):
        entry = join(counselling)

        with pytest.raises(Missing):
            interest.entry_of(interest.signing.Signer(salt="a patient's visit").sign(entry.pk.hex))


class TestTakeOff:
    def test_keeps_the_reason(self, counselling):
        entry = join(counselling)

        interest.take_off(entry_id=entry.pk, reason="Rang us", by=UserFactory(), now=timezone.now())

        entry.refresh_from_db()
        assert (entry.left_reason, bool(entry.left_at)) == ("Rang us", True)

    def test_needs_a_reason(self, counselling):
        with pytest.raises(Malformed):
            interest.take_off(entry_id=join(counselling).pk, reason=" ", by=None, now=timezone.now())

    def test_is_refused_for_who_left(self, counselling):
        entry = join(counselling)
        interest.leave(entry_id=entry.pk, now=timezone.now())

        with pytest.raises(interest.NotOnList):
            interest.take_off(entry_id=entry.pk, reason="Rang us", by=None, now=timezone.now())


class TestTellDue:
    def test_tells_everyone_once(self, counselling):
        entries = [join(counselling, email=f"leo{n}@example.com") for n in range(3)]
        launch(counselling)

        told = [interest.tell_due(now=timezone.now()) for _ in range(2)]

        assert told == [3, 0]
        assert {message.to for message in written(Kind.LAUNCH)} == {entry.email for entry in entries}

    def test_writes_with_a_way_out_and_a_way_in(self, counselling):
        entry = join(counselling)
        launch(counselling)

        interest.tell_due(now=timezone.now())

        [message] = written(Kind.LAUNCH)
        assert message.stream == Message.Stream.MARKETING
        assert message.unsubscribe_link == interest.unsubscribe_link(entry)
        assert "/services/counseling" in message.text

    def test_goes_through_a_list_longer_than_a_batch(self, counselling):
        many = interest.BATCH + 1
        entry, now = {"service": counselling, "name": "Leo", "consent_wording": "Yes."}, timezone.now()
        InterestEntry.objects.bulk_create(
            InterestEntry(**entry, email=f"leo{n}@example.com", source="page", consented_at=now, joined_at=now)
            for n in range(many)
        )
        launch(counselling)

        assert interest.tell_due(now=now) == len(written(Kind.LAUNCH)) == many

    def test_tells_nobody_before_something_can_be_booked(self, counselling):
        join(counselling)
        counselling.status = Service.Status.ACTIVE
        counselling.save()

        assert interest.tell_due(now=timezone.now()) == 0

    @pytest.mark.parametrize("status", ["coming_soon", "paused", "retired"])
    def test_tells_nobody_of_what_has_not_begun(self, counselling, status):
        join(counselling)
        launch(counselling)
        Service.objects.update(status=status)

        assert interest.tell_due(now=timezone.now()) == 0

    def test_tells_who_joins_again_of_a_second_beginning(self, counselling):
        entry = join(counselling)
        launch(counselling)
        interest.tell_due(now=timezone.now())
        Service.objects.update(status=Service.Status.COMING_SOON)
        counselling.refresh_from_db()

        join(counselling, now=timezone.now() + timedelta(days=90))
        Service.objects.update(status=Service.Status.ACTIVE)
        told = interest.tell_due(now=timezone.now() + timedelta(days=100))

        assert told == 1
        assert [message.reference for message in written(Kind.LAUNCH)] == [entry.pk, entry.pk]
