"""What stands in the notes of an appointment."""

from uuid import UUID

import pytest

from botaniqal.integrations import medirecords_marks
from botaniqal.integrations.medirecords_marks import Marks

REF = UUID("00000000-0000-4000-8000-000000000001")


class TestMarks:
    @pytest.mark.parametrize("billing_code", ["", "ALT 30"])
    @pytest.mark.parametrize("category", ["", "Weight Loss"])
    @pytest.mark.parametrize("own", ["", " Brings a [friend] along"])
    def test_are_read_as_they_were_written(self, billing_code, category, own):
        notes = medirecords_marks.written(ref=REF, billing_code=billing_code, category=category) + own

        assert medirecords_marks.read(notes) == Marks(ref=str(REF), billing_code=billing_code, category=category)
        assert medirecords_marks.behind(notes) == own.strip()

    @pytest.mark.parametrize("notes", [None, "", "Call first", "[category:Sleep]", "see [ref:x]"])
    def test_of_others_are_none_of_ours(self, notes):
        assert medirecords_marks.read(notes) == Marks()

    def test_take_no_brackets_from_a_code(self):
        assert (
            medirecords_marks.written(ref=REF, billing_code="][ref:x", category="[]") == f"[ref:{REF}] [billing:ref:x]"
        )
