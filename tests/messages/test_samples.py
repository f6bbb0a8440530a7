"""Every kind of e-mail, rendered: nothing left open, links that lead somewhere safe."""

import copy
import re

import pytest

from botaniqal.messages import samples
from botaniqal.messages.models import Message

pytestmark = pytest.mark.django_db

HREF = re.compile(r'href="([^"]*)"')


@pytest.fixture(autouse=True)
def told_of_gaps(settings):
    """Say so where a template asks for what no e-mail of the kind has."""
    settings.TEMPLATES = copy.deepcopy(settings.TEMPLATES)
    settings.TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = "GAP:%s"
    settings.PUBLIC_BASE_URL = "https://portal.example.com"


@pytest.mark.parametrize("kind", Message.Kind)
class TestRendered:
    def test_has_no_gap(self, kind):
        shown = samples.rendered(kind)

        for part in (shown.subject, shown.text, shown.html):
            assert "GAP:" not in part
            assert not re.search(r"\{[{%#]|[%#}]\}|\bNone\b", part)
        assert shown.subject.strip()
        assert "\n" not in shown.subject

    def test_leads_to_https_alone(self, kind):
        shown = samples.rendered(kind)

        links = HREF.findall(shown.html) + re.findall(r"\S+://\S+", shown.text)
        assert all(link.startswith("https://") for link in links), links
        assert "src=" not in shown.html

    def test_says_the_same_in_both_forms(self, kind):
        shown = samples.rendered(kind)

        assert set(HREF.findall(shown.html)) == set(re.findall(r"https://[^\s)]*[^\s).]", shown.text))

    def test_has_a_heading_a_language_and_a_title(self, kind):
        html = samples.rendered(kind).html

        assert html.count("<h1") == 1
        assert '<html lang="en-AU">' in html
        assert not re.search(r"<title>\s*</title>", html)
        assert re.search(r"In an emergency call 000|in the portal", html)
