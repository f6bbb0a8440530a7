"""Whether a question leads the person to an answer, asks two things at once, or says what may not be said."""

import re

OPEN_ASKING = r"(?:do|did|have|has|are|is|was|were|can|could|would)"
EXPECTS_YES = "It expects a yes. Ask openly."
EXPECTS_NO = "It expects a no. Ask openly."
TWO_AT_ONCE = "These are two questions. Ask one at a time."
RULES = (
    (r"\b(?:is|are|was|do|does|did|have|wo|would|ca|could)n't\s+(?:you|it|they|that|there)\b", EXPECTS_YES),
    (r"^\s*(?:you|there|it|that)\b[^?]*(?:n't|\b(?:not|no)\b)[^?]*\?", EXPECTS_NO),
    (r"\bno\b[^?]*\b(?:problems?|issues?|pain|symptoms?|allerg\w+)\b[^?]*\?", EXPECTS_NO),
    (r"\bany\b[^?]*\bat all\b", EXPECTS_NO),
    (
        r"\b(?:surely|obviously|of course|certainly|presumably|i assume|i take it)\b|\b(?:right|correct|okay|ok)\?",
        "It says what you expect. Leave that out.",
    ),
    (r"\b(?:only|just|simply|merely)\b", "It makes the matter small. Leave that word out."),
    (r"\?[^?]*\?", TWO_AT_ONCE),
    (rf"\b{OPEN_ASKING}\b[^?]*\b(?:and|as well as)\b\s+{OPEN_ASKING}\b[^?]*\?", TWO_AT_ONCE),
    (
        r"\b(?:cannabis|marijuana|thc|cbd|ozempic|wegovy|mounjaro|saxenda|semaglutide|tirzepatide)\b",
        "A medicine must not be named here. Ask for “your medicines”.",
    ),
    (r"\b(?:cures?|cured|guarantee\w*|miracle|will (?:help|heal|fix))\b", "It promises something. Leave that out."),
)
PATTERNS = [(re.compile(pattern, re.IGNORECASE), words) for pattern, words in RULES]


def warnings(text: str) -> list[str]:
    """List what is doubtful about a question, in words that say how to mend it; each once."""
    plain = text.replace("’", "'")
    return list(dict.fromkeys(words for pattern, words in PATTERNS if pattern.search(plain)))
