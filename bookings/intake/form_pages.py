"""The page on which a patient fills in the form of a visit; works without JavaScript, and keeps a draft."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from botaniqal.errors import DomainError
from botaniqal.public import public_page
from services import form_reading
from services.form_reading import Typed

from ..models import Booking
from ..self_service import links
from . import form_filling
from .form_filling import Asked, OtherAnswers


@public_page
def visit_form(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form of a visit; keep what is filled in, or send it off."""
    now = timezone.now()
    booking = links.visit_of(token, now=now)
    asked = form_filling.asked_of(booking)
    if asked.state != form_filling.SENT:
        form_filling.require_open(booking, now=now)
    if asked.version is None or asked.state == form_filling.SENT:
        return _done(request, booking, asked, token)
    if request.method != "POST":
        said = asked.row.draft if asked.row else {}
        return _page(request, booking, asked, said, is_saved="saved" in request.GET)
    return _keep(request, booking, _as_opened(request, asked), token, now)


def _keep(request: HttpRequest, booking: Booking, asked: Asked, token: str, now: datetime) -> HttpResponse:
    said = form_reading.typed(asked.questions, request.POST)
    is_asked_by_script = request.headers.get("Accept") == "application/json"
    try:
        row = form_filling.save_draft(
            booking_id=booking.pk,
            version=asked.version,
            said=said,
            revision=_number(request.POST.get("revision")),
            now=now,
        )
        if request.POST.get("do") == "send":
            asked = replace(asked, row=row)
            form_filling.send(booking_id=booking.pk, revision=row.draft_revision, now=now)
            return redirect("visit-form", token=token)
    except DomainError as refusal:
        if is_asked_by_script:
            return JsonResponse({"error": refusal.message, "details": refusal.details}, status=refusal.status)
        if refusal.status in (HTTPStatus.GONE, HTTPStatus.NOT_FOUND):
            raise
        return _page(request, booking, asked, said, refusal=refusal)
    if is_asked_by_script:
        return JsonResponse({"revision": row.draft_revision})
    answer = redirect("visit-form", token=token)
    answer["Location"] += "?saved"
    return answer


def _as_opened(request: HttpRequest, asked: Asked) -> Asked:
    """Go on with the version whose questions the visitor saw, though a newer one was published since."""
    if asked.row is None:
        opened = asked.form.versions.filter(version=_number(request.POST.get("version"))).first()
        if opened and opened.state != opened.State.DRAFT:
            opened.form = asked.form
            return replace(asked, version=opened)
    return asked


def _page(
    request: HttpRequest,
    booking: Booking,
    asked: Asked,
    said: Typed,
    *,
    refusal: DomainError | None = None,
    is_saved: bool = False,
) -> HttpResponse:
    is_other = isinstance(refusal, OtherAnswers)
    revision = refusal.extra["revision"] if is_other else asked.row.draft_revision if asked.row else 0
    problems = {name: sentences[0] for name, sentences in refusal.details.items()} if refusal else {}
    sections = form_reading.sections(
        asked.questions, said, problems, theirs=refusal.extra["draft"] if is_other else None
    )
    context: dict[str, Any] = {
        **_visit(booking),
        "form": asked.form,
        "version": asked.version,
        "revision": revision,
        "sections": sections,
        "problem": refusal.message if refusal else "",
        "is_other": is_other,
        "is_saved": is_saved,
        "wrong": [field for _, fields in sections for field in fields if field.problem or field.theirs],
    }
    return render(request, "public/form.html", context, status=refusal.status if refusal else HTTPStatus.OK)


def _done(request: HttpRequest, booking: Booking, asked: Asked, token: str) -> HttpResponse:
    """Say that nothing has to be filled in any more; what was sent is not shown behind a link."""
    sent_on = _day(asked.row.submitted_at, booking) if asked.row else ""
    context = {**_visit(booking), "form": asked.form, "sent_on": sent_on, "token": token}
    return render(request, "public/form_sent.html", context)


def _visit(booking: Booking) -> dict[str, Any]:
    return {"first_name": booking.patient.first_name, "day": _day(booking.starts_at, booking)}


def _day(moment: datetime, booking: Booking) -> str:
    return f"{moment.astimezone(booking.patient.zone):%A %-d %B}"


def _number(typed: str | None) -> int:
    """Read a number of the page's own; what is none is none that there ever was."""
    return int(typed) if typed and typed.isascii() and typed.isdigit() and len(typed) < 6 else -1
