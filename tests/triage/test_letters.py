from datetime import date

import pytest
from django.utils import timezone

from botaniqal.errors import Malformed, Missing
from tests.factories import PatientFactory, SessionFactory, UserFactory
from triage import letters, sessions
from triage.models import Answer, Disposition, Question, ReferralLetter, Script, TriageSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def session():
    """A call that ended with a referral to a GP."""
    patient = PatientFactory(name="Mia Wong", date_of_birth=date(1988, 4, 3))
    session = SessionFactory(patient=patient, in_progress=True, primary_concern="A rash on both arms.")
    return sessions.wrap_up(
        session_id=session.pk,
        consultant=session.consultant,
        outcome="referred",
        disposition="gp",
        by=session.consultant.user,
        now=timezone.now(),
    )


def write(session: TriageSession, **said) -> ReferralLetter:
    usual = {"to": "Dr Adams", "text": "Dear colleague", "by": UserFactory(), "now": timezone.now()}
    return letters.write(session_id=session.pk, **usual | said)


class TestDraft:
    def test_says_who_it_is_about_and_what_was_said(self, session):
        script = Script.objects.create(version=90, emergency_card="Ring 000.")
        question = Question.objects.create(script=script, code="m", text="?", kind="text", card_label="Medicines")
        Answer.objects.create(session=session, question=question, value="None", at=timezone.now())

        text = letters.draft(session)

        assert "Mia Wong, born 3 April 1988, spoke with us by phone on" in text
        assert "The reason for the call: A rash on both arms." in text
        assert "What Mia told us:\n- Medicines: None\n" in text
        assert text.endswith(f"Kind regards,\n\n{session.consultant.name}\nBotaniqal\n")

    def test_claims_no_diagnosis(self, session):
        assert "We did not examine Mia, and this is no diagnosis." in letters.draft(session)

    def test_leaves_out_what_nobody_said(self, session):
        session.primary_concern, session.patient.date_of_birth = "", None

        text = letters.draft(session)

        assert "born" not in text
        assert "reason for the call" not in text
        assert "told us" not in text


class TestAddressee:
    @pytest.mark.parametrize(
        ("label", "to"), [("To a GP", "GP"), ("To another service", "another service"), ("Hospital", "Hospital")]
    )
    def test_reads_it_from_how_the_call_ended(self, session, label, to):
        session.disposition.label = label

        assert letters.addressee(session) == to


class TestWrite:
    def test_keeps_one_letter_a_call(self, session):
        write(session)

        write(session, text="  Dear Dr Adams  ")

        assert ReferralLetter.objects.get().text == "Dear Dr Adams"

    def test_needs_an_ending_that_asks_for_it(self, session):
        Disposition.objects.update(asks_for="nothing")

        with pytest.raises(letters.NoLetterAsked):
            write(session)

    def test_needs_an_ending(self):
        with pytest.raises(letters.NoLetterAsked):
            write(SessionFactory(in_progress=True))

    def test_needs_a_call(self, session):
        with pytest.raises(Missing):
            write(session.consultation)

    @pytest.mark.parametrize("said", [{"to": " "}, {"text": " "}, {"text": "4111 1111 1111 1111"}])
    def test_says_something_to_somebody_and_no_card_number(self, session, said):
        with pytest.raises(Malformed):
            write(session, **said)

        assert not ReferralLetter.objects.exists()
