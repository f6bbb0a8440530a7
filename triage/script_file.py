"""A script that was written down in a file: read as a draft, each fault named by its place."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from botaniqal.errors import Malformed
from services.models import Service

from . import scripts
from .models import Question, Script
from .scripts import COPIED


@transaction.atomic
def load(*, document: Any) -> Script | None:
    """
    Make a draft of a script that was written down elsewhere; none where the latest version asks the same already.

    :raises Malformed: the document is no script; each fault is named by its place.
    :raises RuleBroken: there is a draft already.
    """
    rows, faults = _read(document)
    if faults:
        raise Malformed("It is no script.", details=faults)
    latest = Script.objects.first()
    if latest and (latest.opening, latest.emergency_card, _asked(latest)) == (
        document["opening"],
        document["emergency_card"],
        [{name: getattr(row, name) for name in COPIED} for row in rows],
    ):
        return None
    draft = scripts.make_draft(of=None, by=None)
    for name in ("opening", "emergency_card", "note"):
        setattr(draft, name, document.get(name, ""))
    draft.save(update_fields=["opening", "emergency_card", "note"])
    for row in rows:
        row.script = draft
    Question.objects.bulk_create(rows)
    return draft


def _asked(script: Script) -> list[dict[str, Any]]:
    return [
        {name: getattr(question, name) for name in COPIED} for question in script.questions.select_related("service")
    ]


def _read(document: Any) -> tuple[list[Question], dict[str, list[str]]]:
    """Read the questions of a document, with what is wrong by its place."""
    faults: dict[str, list[str]] = {}
    if not isinstance(document, dict) or not isinstance(document.get("questions"), list):
        return [], {"questions": ["A script is an object with a list of questions."]}
    for name in ("opening", "emergency_card"):
        if not isinstance(document.get(name), str):
            faults[name] = ["A text is missing."]
    services = {service.slug: service for service in Service.objects.all()}
    rows: list[Question] = []
    for place, entry in enumerate(document["questions"]):
        try:
            entry = dict(entry)
            slug = entry.pop("service", None)
            row = Question(service=services[slug] if slug else None, position=place, **entry)
            row.clean_fields(exclude=["script"])
        except KeyError:
            faults[f"questions[{place}]"] = [f"There is no service “{slug}”."]
        except (TypeError, ValueError) as error:
            faults[f"questions[{place}]"] = [f"It cannot be read: {error}."]
        except ValidationError as error:
            faults[f"questions[{place}]"] = [
                f"{name}: {told}" for name, all_told in error.message_dict.items() for told in all_told
            ]
        else:
            if fault := scripts.fault_of(row):
                faults[f"questions[{place}]"] = [fault]
            if row.code in {other.code for other in rows}:
                faults[f"questions[{place}]"] = [f"The code “{row.code}” stands there twice."]
            rows.append(row)
    return rows, faults
