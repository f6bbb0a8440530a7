"""The public pages of the interest list: joining it, and leaving it by the link in every e-mail."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from botaniqal.api.throttles import PublicEmail, PublicJoin
from botaniqal.errors import DomainError, Missing
from botaniqal.public import TooManyTries, is_robot, public_page, sorry
from botaniqal.public_fields import Email, Name, Phone

from . import interest
from .models import InterestEntry, Service

JOINED = "joined"


class InterestForm(forms.Form):
    """Who would like to hear of a service, and their consent to what stood beside the box."""

    name = Name()
    email = Email()
    phone = Phone(required=False)
    consent = forms.BooleanField(error_messages={"required": "Without your consent we may not write to you."})
    wording = forms.CharField(widget=forms.HiddenInput, required=False, strip=False)

    def __init__(self, *args: Any, wording: str, **kwargs: Any) -> None:
        """Show what is agreed to."""
        super().__init__(*args, initial={"wording": wording}, label_suffix="", **kwargs)
        self.now_shown = wording
        self.fields["consent"].label = wording

    def clean_wording(self) -> str:
        """Make sure that what stood on the page is what stands there now."""
        if self.cleaned_data["wording"] != self.now_shown:
            self.add_error("consent", "These words changed while you wrote. Please read them again.")
        return self.now_shown


@public_page
def interest_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a service to come and ask who would like to hear of it; joining is done on POST alone."""
    service = Service.objects.public().named(slug).first()
    if service is None:
        raise Missing("There is no such service, or it is not offered any more.")
    if not interest.has_list(service):
        raise interest.NoList(service)
    shown = {"name": interest.public_name(service)}
    if request.method != "POST":
        if JOINED in request.GET:
            return render(request, "public/interest_joined.html", shown)
        form = InterestForm(wording=interest.wording_for(service))
        return render(request, "public/interest.html", {**shown, "form": form})
    if is_robot(request):
        return _joined(service)
    form = InterestForm(request.POST, wording=interest.wording_for(service))
    if not form.is_valid():
        return _again(request, form, shown, "Something is missing or cannot be read.")
    for throttle in (PublicEmail(), PublicJoin()):
        if not throttle.allow_request(request, None):
            raise TooManyTries("Somebody joined many times from here. Please try again in an hour.")
    said = {field: form.cleaned_data[field] for field in ("name", "email", "phone", "wording")}
    try:
        interest.join(service=service, **said, source=InterestEntry.Source.PAGE, now=timezone.now())
    except DomainError as refusal:
        return _again(request, form, shown, refusal.message, refusal.status)
    return _joined(service)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """
    Show what a link of an e-mail ends, and end it on POST: from this page, or by a mail program with one click.

    Mail programs post without a page before, and many people's from one address (RFC 8058): so there is neither a
    token of ours against forged posts nor a throttle. The signed link alone says whose it is, and guessing is hopeless.
    """
    try:
        entry = interest.entry_of(token)
        if request.method == "POST":
            entry = interest.leave(entry_id=entry.pk, now=timezone.now())
    except DomainError as refusal:
        return sorry(request, refusal)
    name = interest.public_name(entry.service) or entry.service.name
    return render(request, "public/unsubscribe.html", {"name": name, "has_left": entry.left_at is not None})


def _joined(service: Service) -> HttpResponse:
    return redirect(f"{reverse('interest', args=[service.slug])}?{JOINED}")


def _again(
    request: HttpRequest, form: InterestForm, shown: dict[str, Any], problem: str, status: int = 400
) -> HttpResponse:
    form.data = {**form.data.dict(), "wording": form.now_shown}
    return render(request, "public/interest.html", {**shown, "form": form, "problem": problem}, status=status)
