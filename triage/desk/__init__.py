"""The call desk: one page for the whole call, and what it asks for and does."""

from uuid import UUID

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from . import booking_step, call, ending_step, letter_page, patient_step, script_step, times_step, waiting_step
from .page import page

VERBS = {
    call: ("start", "claim", "take_over", "park", "call_back", "unanswered", "write"),
    script_step: ("answer", "red_flag", "escalate"),
    patient_step: ("identify", "details", "decide", "consent", "link", "unlink", "another"),
    times_step: ("hold_beyond",),
    booking_step: ("hold", "keep", "let_go", "confirm"),
    waiting_step: ("join_list", "ask_earlier"),
    ending_step: ("wrap_up", "undo", "remark"),
}
"""What can be done at the desk, by the part that does it."""


def urls(site: AdminSite) -> list[URLPattern]:
    """List the addresses of the desk, to stand before the admin's own of a call."""

    def show(request: HttpRequest, session_id: UUID) -> HttpResponse:
        return page(request, site, session_id)

    def letter(request: HttpRequest, session_id: UUID) -> HttpResponse:
        return letter_page.page(request, site, session_id)

    return [
        path("<uuid:session_id>/letter/", site.admin_view(letter), name="triage_triagesession_letter"),
        path("<uuid:session_id>/desk/", site.admin_view(show), name="triage_triagesession_desk"),
        path("<uuid:session_id>/desk/state/", call.show_state),
        path("<uuid:session_id>/desk/later/", call.later),
        path("<uuid:session_id>/desk/known/", patient_step.known),
        path("<uuid:session_id>/desk/times/", times_step.times),
        path("<uuid:session_id>/desk/why_not/", times_step.why_not),
        *(
            path(f"<uuid:session_id>/desk/{name}/", getattr(part, name))
            for part, names in VERBS.items()
            for name in names
        ),
    ]
