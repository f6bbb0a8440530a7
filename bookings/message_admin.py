"""Messages with the visits that they are about: sent again as things stand, to the address of today."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from botaniqal.admin import verb
from botaniqal.messages.admin import MessageAdmin
from botaniqal.messages.models import Message

from . import resending
from .models import Booking


class AgainForm(forms.Form):
    """To whom it goes."""

    to = forms.ChoiceField(label="To the address of today", widget=forms.RadioSelect)


def may_go_again(message: Message) -> bool:
    """Tell whether a message has gone out or is stuck; what waits goes by itself, and marketing goes once."""
    is_over = message.told >= message.wanted or message.needs_person
    return is_over and message.stream == Message.Stream.FACTUAL


admin.site.unregister(Message)


@admin.register(Message)
class MessageWithVisitAdmin(MessageAdmin):
    """As the page below, which knows of no visits."""

    fields = ["visit", *MessageAdmin.fields]
    verbs = ["send_again", *MessageAdmin.verbs]

    @admin.display(description="About")
    def visit(self, message: Message) -> SafeString | str:
        booking = Booking.objects.filter(pk=message.reference).first()
        if booking is None:
            return "–"
        address = reverse("admin:bookings_booking_change", args=(booking.pk,))
        return format_html('<a href="{}">{}</a>, {}', address, booking, booking.when)

    @verb(
        "Send again",
        explanation="As a new message. About a visit it says what holds now.",
        form=AgainForm,
        when=may_go_again,
    )
    def send_again(self, request: HttpRequest, message: Message, *, to: str) -> str:
        again = resending.send_again(message_id=message.pk, to=to, by=request.user, now=timezone.now())
        return f"It is sent to {again.to} within seconds."

    def verb_form(self, request: HttpRequest, message: Message, name: str) -> forms.Form:
        """Show the address of today before anything goes there."""
        form = super().verb_form(request, message, name)
        if name == "send_again":
            address = resending.address_of(message)
            form.fields["to"].choices = [(address, address)] if address else []
        return form
