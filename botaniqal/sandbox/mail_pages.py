"""The mailbox: every e-mail that the portal has sent, as its reader gets it, and what SES reports of it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from botaniqal.sandbox import mail, mail_reports
from botaniqal.sandbox.store import Document, store

ROWS = 100
# A message may bring its own looks, but no script, no form and no picture from elsewhere.
MESSAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self';"
    " sandbox allow-popups allow-popups-to-escape-sandbox"
)


@require_GET
def mailbox(request: HttpRequest) -> HttpResponse:
    """List the messages, newest first: all, or those to an address."""
    asked = request.GET.get("to", "").strip()
    rows = store.latest("message", store.count("message") if asked else ROWS)
    if asked:
        rows = [row for row in rows if any(asked.lower() in to.lower() for to in row["to"])]
    context = {"messages": [_shown(row) for row in rows[:ROWS]], "to": asked, "is_cut": len(rows) > ROWS}
    return render(request, "sandbox/mailbox.html", context)


@require_GET
def show_message(request: HttpRequest, id: str) -> HttpResponse:
    """Show one message as HTML and as text, with its appointment, its headers and what may be reported of it."""
    message = _found(id)
    files = mail.attachments(id)
    appointment = next((file.content.decode() for file in files if file.name.endswith(".ics")), "")
    context = {
        "message": _shown(message),
        "files": files,
        "appointment": appointment,
        "kinds": mail_reports.KINDS,
        "unsubscribe": next((value for name, value in message["headers"] if name == "List-Unsubscribe"), ""),
    }
    return render(request, "sandbox/message.html", context)


@require_GET
def show_message_html(request: HttpRequest, id: str) -> HttpResponse:
    """Serve a message's HTML for its frame, with nothing allowed; its links open beside the mailbox."""
    html = _found(id)["html"]
    return HttpResponse(
        f'<!doctype html><base target="_blank">{html}', headers={"Content-Security-Policy": MESSAGE_POLICY}
    )


@require_GET
def download(request: HttpRequest, id: str, number: int) -> HttpResponse:
    """Hand out one file of a message."""
    files = mail.attachments(id)
    if number >= len(files):
        raise Http404
    file = files[number]
    response = HttpResponse(file.content, content_type=file.content_type)
    response.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file.name)
    return response


@require_POST
def report(request: HttpRequest, id: str) -> HttpResponse:
    """Have SES report something of a message."""
    message, kind = _found(id), request.POST.get("kind", "")
    if kind not in mail_reports.KINDS:
        raise Http404
    mail_reports.report(message, kind)
    return redirect(f"{reverse('message', args=[id])}?did=reported")


def _found(id: str) -> Document:
    message = store.get("message", id)
    if message is None:
        raise Http404
    return {"headers": [], "tags": {}} | message  # what an earlier sandbox has kept has neither


def _shown(message: Document) -> dict[str, Any]:
    kinds = [(mail_reports.KINDS[kind], mail_reports.TONES[kind]) for kind in mail_reports.reported(message["id"])]
    return message | {"at": parse_datetime(message["at"]), "reports": kinds}
