"""The versions of forms: written as drafts, held against the rules, approved by a person, and never changed after."""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from botaniqal import cards
from botaniqal.accounts.models import User
from botaniqal.errors import Conflict, Missing, RuleBroken
from botaniqal.wording import gate

from . import form_questions, form_schema
from .form_questions import BadForm, Question
from .models import Form, FormVersion

State = FormVersion.State
LONGEST_INTRO = 1_000


class NotADraft(RuleBroken):
    """Only a draft can be changed or published."""

    code = "not_a_draft"

    def __init__(self) -> None:
        super().__init__("form", "This version was published before. Make a new draft of it.")


class StaleDraft(Conflict):
    """Somebody else saved the draft meanwhile."""

    code = "stale_draft"
    message = "Somebody else changed this draft meanwhile. Open it anew, so that nothing of theirs is lost."


@transaction.atomic
def begin_draft(*, form_id: int, by: User | None) -> FormVersion:
    """
    Begin a new version as a copy of the one in use, else of the last one, else empty.

    :raises Missing: there is no such form.
    :raises RuleBroken: there is a draft already.
    """
    form = _locked(form_id)
    if form.versions.filter(state=State.DRAFT).exists():
        raise RuleBroken("draft", "There is a draft already. Change that one.")
    model = form.versions.in_use().first() or form.versions.first()
    return FormVersion.objects.create(
        form=form,
        version=(form.versions.aggregate(last=Max("version"))["last"] or 0) + 1,
        intro=model.intro if model else "",
        schema=model.schema if model else form_schema.write([]),
        created_by=by,
    )


@transaction.atomic
def save_draft(*, version_id: int, intro: str, schema: Any, by: User | None, former: str | None = None) -> FormVersion:
    """
    Write down what a draft asks, in its schema's normal form; ``former`` is the mark of what was opened.

    :raises NotADraft: it was published.
    :raises StaleDraft: it does not say any more what was opened.
    :raises BadForm: it has faults; ``details`` names each by its place.
    """
    version = _draft(version_id)
    if former is not None and former != mark_of(version):
        raise StaleDraft
    _require_fit(intro)
    version.intro = intro.strip()
    version.schema = form_schema.write(form_schema.read(schema))
    version.save(update_fields=["intro", "schema"])
    return version


@transaction.atomic
def publish(*, version_id: int, reason: str = "", by: User, now: datetime) -> FormVersion:
    """
    Let patients fill a draft from now on, in place of the version in use; what was begun stays with its own.

    :raises NotADraft: it was published before.
    :raises BadForm: it asks nothing, or has faults.
    :raises DomainError: the wording gate refuses words, needs a reason for some, or the person may not approve.
    """
    version = _draft(version_id)
    questions = form_schema.read(version.schema)
    if not questions:
        raise BadForm("A form that asks nothing cannot be published.")
    gate.approve(texts=[text_of(version, questions)], reason=reason, by=by, now=now)
    version.form.versions.in_use().update(state=State.RETIRED)
    version.state, version.approved_by, version.approved_at = State.IN_USE, by, now
    version.save(update_fields=["state", "approved_by", "approved_at"])
    return version


@transaction.atomic
def retire(*, version_id: int, by: User, now: datetime) -> FormVersion:
    """
    Ask a form no more, until another version of it is published.

    :raises Missing: there is no such version.
    :raises RuleBroken: it is not in use.
    """
    version = _with_form_locked(version_id)
    if version.state != State.IN_USE:
        raise RuleBroken("form", "Only the version in use can be retired.")
    version.state = State.RETIRED
    version.save(update_fields=["state"])
    return version


def text_of(version: FormVersion, questions: tuple[Question, ...]) -> gate.Text:
    """Put together all that a patient reads in a form, as the wording gate weighs it."""
    parts = [version.form.name, version.intro]
    for one in questions:
        parts += [one.section, one.text, one.help, *one.choices]
    text = "\n".join(dict.fromkeys(part for part in parts if part))
    return gate.Text(subject=f"form:{version.form.slug}", label=f"Form: {version.form}", text=text)


def mark_of(version: FormVersion) -> str:
    """Mark what a version says, so that it can be told whether somebody changed it since."""
    said = json.dumps([version.intro, version.schema], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def differences(old: FormVersion, new: FormVersion) -> list[tuple[str, Question | None, Question | None]]:
    """List what differs between two versions: the name of each question with what it was and what it is."""
    before, after = ({one.name: one for one in form_schema.read(each.schema)} for each in (old, new))
    return [(name, before.get(name), after.get(name)) for name in before | after if before.get(name) != after.get(name)]


def _require_fit(intro: str) -> None:
    if len(intro) > LONGEST_INTRO:
        raise BadForm(details={"intro": [f"At most {LONGEST_INTRO} characters."]})
    if form_questions.CONTROL.search(intro):
        raise BadForm(details={"intro": ["Has a character that no text may have."]})
    cards.refuse(intro, "intro")


def _locked(form_id: int) -> Form:
    form = Form.objects.select_for_update().filter(pk=form_id).first()
    if form is None:
        raise Missing("There is no such form.")
    return form


def _with_form_locked(version_id: int) -> FormVersion:
    """Read a version while nobody else changes its form."""
    form_id = FormVersion.objects.filter(pk=version_id).values_list("form_id", flat=True).first()
    if form_id is None:
        raise Missing("There is no such version.")
    _locked(form_id)
    return FormVersion.objects.select_related("form").get(pk=version_id)


def _draft(version_id: int) -> FormVersion:
    version = _with_form_locked(version_id)
    if version.state != State.DRAFT:
        raise NotADraft
    return version
