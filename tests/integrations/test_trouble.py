"""What people read of a failed call."""

import pytest

from botaniqal.integrations.trouble import in_words


class TestInWords:
    @pytest.mark.parametrize(
        ("said", "words"),
        [
            (
                "Given up after 4 tries. The last one: MediRecords GET /v1/patients/{id}: 500.",
                "Given up after 4 tries. The last one: MediRecords has trouble of its own (500).",
            ),
            ("Calendly POST /invitees: 400 (email, name)", "Calendly refused it (400) (email, name)"),
            ("Calendly GET /users/me: 401", "Calendly does not let the portal in (401)"),
            ("Graph GET /users/{mailbox}/events: 404", "Outlook does not know that (404)"),
            ("Microsoft POST /{tenant}/token: no answer.", "Outlook’s login did not answer."),
            (
                "Calendly GET /events: 200, not what it promised. It is tried again by itself.",
                "Calendly answered otherwise than agreed (200). It is tried again by itself.",
            ),
            ("Nobody here knows this event type.", "Nobody here knows this event type."),
            ("", ""),
        ],
        ids=["trouble", "refused", "locked out", "unknown", "no answer", "nonsense", "other words", "nothing"],
    )
    def test_says_who_and_what_without_the_call(self, said, words):
        assert in_words(said) == words
