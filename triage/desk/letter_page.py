"""The letter of a call: drafted, finished, copied and printed on a page of its own."""

from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from botaniqal.admin import limited_to_own
from botaniqal.cards import validate_none

from .. import letters
from ..models import ReferralLetter
from . import doors


class LetterForm(forms.ModelForm):
    """To whom the letter goes, and what it says."""

    to = forms.CharField(max_length=200, label="To", validators=[validate_none])

    class Meta:
        model = ReferralLetter
        fields = ["to", "text"]
        widgets = {"text": forms.Textarea(attrs={"rows": 20})}


def page(request: HttpRequest, site: admin.AdminSite, session_id: UUID) -> HttpResponse:
    """Show the letter of a call, or a draft that is not kept yet; keep it on POST."""
    if not request.user.has_perm("triage.view_referralletter"):
        raise PermissionDenied
    session = doors.find_call(session_id)
    if limited_to_own(request) and session.consultant.user_id != request.user.pk:
        raise PermissionDenied
    if not letters.asks_for_letter(session):
        raise Http404
    may_write = request.user.has_perm("triage.change_triagesession")
    letter = ReferralLetter.objects.select_related("written_by").filter(session=session).first()
    if request.method == "POST":
        if not may_write:
            raise PermissionDenied
        form = LetterForm(request.POST, label_suffix="")
        if form.is_valid():
            letters.write(session_id=session.pk, by=request.user, now=timezone.now(), **form.cleaned_data)
            messages.success(request, "The letter is kept. Copy or print it.")
            return redirect(request.path)
    else:
        said = {"to": letter.to, "text": letter.text} if letter else {}
        drafted = {"to": letters.addressee(session), "text": letters.draft(session)}
        form = LetterForm(initial=said or drafted, label_suffix="")
    context = {
        **site.each_context(request),
        "title": f"Letter for {session.patient.name}",
        "session": session,
        "letter": letter,
        "form": form,
        "may_write": may_write,
        "today": timezone.localdate(),
    }
    return TemplateResponse(request, "triage/letter.html", context)
