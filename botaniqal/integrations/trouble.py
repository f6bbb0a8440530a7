"""What a failed call to a vendor came to, in words for people; verb, path and status alone are for the logs."""

import re

# What the wire's errors say: who, the call, and what came of it.
CALL = re.compile(
    r"\b(?P<vendor>[A-Z]\w+) (?:GET|POST|PUT|PATCH|DELETE) \S+: "
    r"(?P<what>no answer|\d{3}(?:, (?:a redirect|not what it promised))?)"
)
KNOWN_AS = {"Graph": "Outlook", "Microsoft": "Outlook’s login"}
MEANINGS = {
    401: "does not let the portal in",
    403: "does not allow that",
    404: "does not know that",
    429: "takes no more calls for now",
}


def in_words(said: str) -> str:
    """Say what failed calls came to, wherever they stand in a sentence."""
    return CALL.sub(lambda call: f"{KNOWN_AS.get(call['vendor'], call['vendor'])} {_meaning(call['what'])}", said)


def _meaning(what: str) -> str:
    if not what[0].isdecimal():
        return "did not answer"
    status = int(what[:3])
    if status >= 500:
        words = "has trouble of its own"
    else:
        words = MEANINGS.get(status, "refused it" if status >= 400 else "answered otherwise than agreed")
    return f"{words} ({status})"
