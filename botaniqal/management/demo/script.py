"""The demo's script of the calls: the one that comes with the portal, approved by its clinician."""

import json
from datetime import datetime
from pathlib import Path

from django.conf import settings

from botaniqal.accounts.models import User
from triage import script_file, scripts
from triage.models import TriageSession

FILE = Path(settings.BASE_DIR) / "triage" / "script.json"


def approve(*, by: User, now: datetime) -> None:
    """Take the portal's own script into use, unless one is."""
    if scripts.in_use():
        return
    draft = script_file.load(document=json.loads(FILE.read_text()))
    scripts.approve(script_id=draft.pk, by=by, now=now)


def answer(*, session: TriageSession, answers: dict[str, str], now: datetime) -> None:
    """Answer some of the questions, as the consultant would."""
    who = {"consultant": session.consultant, "by": session.consultant.user}
    for code, value in answers.items():
        scripts.answer(session_id=session.pk, code=code, value=value, former=None, now=now, **who)
