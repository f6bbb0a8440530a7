import pytest

from botaniqal import names


class TestKept:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [("  Leo   Martin ", "Leo Martin"), ("Zoë O'Neil-Smith", "Zoë O'Neil-Smith"), ("Dr. Li", "Dr. Li")],
    )
    def test_writes_a_name_in_one_line(self, typed, kept):
        assert names.kept(typed) == kept

    @pytest.mark.parametrize(
        "typed", ["see https://x.example", "win@casino.com", "www.casino", "<b>Leo</b>", "{{ name }}", "a.link"]
    )
    def test_knows_what_is_none(self, typed):
        assert names.kept(typed) is None
