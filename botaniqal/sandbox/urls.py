"""Every address of the sandbox on one page."""

from functools import partial

from django.urls import include, path

from botaniqal.sandbox import control, desk, dial_page, mail, mail_pages, pages, patient_pages
from botaniqal.sandbox.calendly import api as calendly
from botaniqal.sandbox.calendly import control as calendly_control
from botaniqal.sandbox.calendly import link_page, plan, sample, subscriptions
from botaniqal.sandbox.calendly import pages as calendly_pages
from botaniqal.sandbox.control import by_method
from botaniqal.sandbox.door import door
from botaniqal.sandbox.graph import api as graph
from botaniqal.sandbox.graph import control as graph_control
from botaniqal.sandbox.graph import delta, tokens
from botaniqal.sandbox.graph import pages as graph_pages
from botaniqal.sandbox.graph import subscriptions as graph_subscriptions
from botaniqal.sandbox.graph.tokens import GRAPH, LOGIN
from botaniqal.sandbox.jotform import api as jotform
from botaniqal.sandbox.jotform import pages as jotform_pages
from botaniqal.sandbox.medirecords import api as medirecords
from botaniqal.sandbox.pagerduty import api as pagerduty
from botaniqal.sandbox.pagerduty import pages as pagerduty_pages
from botaniqal.sandbox.stripe import api as stripe
from botaniqal.sandbox.stripe import pages as stripe_pages
from botaniqal.sandbox.vendors import CALENDLY, JOTFORM, MEDIRECORDS, PAGERDUTY, SES, STRIPE

at_calendly = partial(door, CALENDLY, meter=plan.meter)

calendly_urls = [
    path("users/me", at_calendly("users", GET=calendly.show_me)),
    path("event_types", at_calendly("event_types", GET=calendly.list_event_types)),
    path("event_types/<uuid>", at_calendly("event_types", GET=calendly.show_event_type)),
    path("event_type_available_times", at_calendly("availability", GET=calendly.list_available_times)),
    path("user_busy_times", at_calendly("availability", GET=calendly.list_busy_times)),
    path("user_availability_schedules", at_calendly("availability", GET=calendly.list_availability_schedules)),
    path("scheduled_events", at_calendly("events", GET=calendly.list_events)),
    path("scheduled_events/<uuid>", at_calendly("events", GET=calendly.show_event)),
    path("scheduled_events/<uuid>/cancellation", at_calendly("events", POST=calendly.cancel_event)),
    path("scheduled_events/<uuid>/invitees", at_calendly("invitees", GET=calendly.list_invitees)),
    path(
        "scheduled_events/<event_uuid>/invitees/<invitee_uuid>",
        at_calendly("invitees", GET=calendly.show_invitee),
    ),
    path("invitees", at_calendly("invitees", POST=calendly.create_invitee)),
    path("invitee_no_shows", at_calendly("no_shows", POST=calendly.create_no_show)),
    path(
        "invitee_no_shows/<uuid>",
        at_calendly("no_shows", GET=calendly.show_no_show, DELETE=calendly.delete_no_show),
    ),
    path("sample_webhook_data", at_calendly("subscriptions", GET=sample.show)),
    path("scheduling_links", at_calendly("links", POST=calendly.create_link)),
    path(
        "webhook_subscriptions",
        at_calendly("subscriptions", GET=subscriptions.list_all, POST=subscriptions.create),
    ),
    path(
        "webhook_subscriptions/<webhook_uuid>",
        at_calendly("subscriptions", GET=subscriptions.show, DELETE=subscriptions.delete),
    ),
]

medirecords_urls = [
    path(
        "v1/practices/<practice_id>/appointments",
        door(MEDIRECORDS, "appointments", GET=medirecords.list_appointments, POST=medirecords.create_appointment),
    ),
    path(
        "v1/practices/<practice_id>/appointments/<id>",
        door(
            MEDIRECORDS,
            "appointments",
            GET=medirecords.show_appointment,
            PUT=medirecords.replace_appointment,
            DELETE=medirecords.delete_appointment,
        ),
    ),
    path(
        "v1/practices/<practice_id>/appointment-types",
        door(MEDIRECORDS, "appointment_types", GET=medirecords.list_appointment_types),
    ),
    path(
        "v1/code-system/appointment-interval-code",
        door(MEDIRECORDS, "appointment_types", GET=medirecords.list_interval_codes),
    ),
    path("v1/patients/exist", door(MEDIRECORDS, "patients", GET=medirecords.find_patients)),
    path("v1/patients/<id>", door(MEDIRECORDS, "patients", GET=medirecords.show_patient)),
    path("v2/patients", door(MEDIRECORDS, "patients", POST=medirecords.create_patient)),
]

graph_urls = [
    path("users/<mailbox>/events", door(GRAPH, "events", GET=graph.list_events, POST=graph.create_event)),
    path(
        "users/<mailbox>/events/<id>",
        door(GRAPH, "events", GET=graph.show_event, PATCH=graph.change_event, DELETE=graph.delete_event),
    ),
    path("users/<mailbox>/events/<id>/cancel", door(GRAPH, "events", POST=graph.cancel_event)),
    path("users/<mailbox>/calendarView", door(GRAPH, "events", GET=graph.list_view)),
    path("users/<mailbox>/calendarView/delta", door(GRAPH, "delta", GET=delta.read)),
    path("users/<mailbox>/calendar/getSchedule", door(GRAPH, "schedule", POST=graph.get_schedule)),
    path(
        "subscriptions",
        door(GRAPH, "subscriptions", GET=graph_subscriptions.list_all, POST=graph_subscriptions.create),
    ),
    path(
        "subscriptions/<id>",
        door(
            GRAPH,
            "subscriptions",
            GET=graph_subscriptions.show,
            PATCH=graph_subscriptions.renew,
            DELETE=graph_subscriptions.delete,
        ),
    ),
    path("subscriptions/<id>/reauthorize", door(GRAPH, "subscriptions", POST=graph_subscriptions.reauthorize)),
]

graph_control_urls = [
    path(
        "events",
        by_method(POST=graph_control.create_event, PATCH=graph_control.change_event, DELETE=graph_control.remove_event),
    ),
    path("mailboxes", by_method(POST=graph_control.set_existence)),
    path("sync-state", by_method(DELETE=graph_control.lose_sync_state)),
    path("life", by_method(POST=graph_control.live)),
    path("tokens", by_method(POST=graph_control.set_token_life, DELETE=graph_control.take_tokens_back)),
]

jotform_urls = [
    path("submission/<id>", door(JOTFORM, "submissions", GET=jotform.show_submission)),
    path("form/<id>/submissions", door(JOTFORM, "forms", GET=jotform.list_submissions)),
]

stripe_urls = [
    path("checkout/sessions", door(STRIPE, "sessions", GET=stripe.list_sessions, POST=stripe.create_session)),
    path("checkout/sessions/<id>", door(STRIPE, "sessions", GET=stripe.show_session)),
    path("checkout/sessions/<id>/expire", door(STRIPE, "sessions", POST=stripe.expire_session)),
    path("payment_intents/<id>", door(STRIPE, "payment_intents", GET=stripe.show_payment_intent)),
    path("charges", door(STRIPE, "charges", GET=stripe.list_charges)),
    path("disputes/<id>", door(STRIPE, "disputes", GET=stripe.show_dispute)),
    path("refunds", door(STRIPE, "refunds", GET=stripe.list_refunds, POST=stripe.create_refund)),
    path("refunds/<id>", door(STRIPE, "refunds", GET=stripe.show_refund)),
    path("events/<id>", door(STRIPE, "events", GET=stripe.show_event)),
]

control_urls = [
    path("graph/", include(graph_control_urls)),
    path("event-types", by_method(POST=control.register_event_types)),
    path("faults", by_method(GET=control.list_faults, POST=control.turn_dial, DELETE=control.clear_dial)),
    path("faults/preset", by_method(POST=control.turn_to_preset)),
    path("seed", by_method(GET=control.show_seed, POST=control.sow)),
    path("plan", by_method(GET=calendly_control.show_plan, POST=calendly_control.choose_plan)),
    path("limits", by_method(GET=calendly_control.show_limits, POST=calendly_control.set_limits)),
    path("subscriptions", by_method(POST=control.set_subscriptions)),
    path(
        "busy",
        by_method(GET=calendly_control.list_busy, POST=calendly_control.add_busy, DELETE=calendly_control.clear_busy),
    ),
    path("moves", by_method(POST=calendly_control.move_event)),
    path("cancellations", by_method(POST=calendly_control.cancel_event)),
    path("no-shows", by_method(POST=calendly_control.mark_no_show)),
    path("deliveries", by_method(POST=control.send_again)),
    path("stripe/presses", by_method(POST=control.press_stripe)),
    path("stripe/payments", by_method(POST=control.pay_stripe_before)),
    path("stripe/disputes", by_method(POST=control.dispute_at_stripe)),
    path("stripe/keys", by_method(DELETE=control.forget_keys)),
    path("portal", by_method(POST=control.point_at_portal)),
    path("reset", by_method(POST=control.reset)),
    path("state", by_method(GET=control.show_state)),
    path("calls", by_method(GET=control.show_calls)),
]

page_urls = [
    path("", desk.home, name="home"),
    path("reset", desk.reset, name="reset"),
    path("patients", patient_pages.patients, name="patients"),
    path("book", patient_pages.book, name="book"),
    path("calendars", calendly_pages.calendars, name="calendars"),
    path("calendars/busy", calendly_pages.add_busy, name="add_busy"),
    path("calendars/busy/<id>/remove", calendly_pages.remove_busy, name="remove_busy"),
    path("calendars/event-types/<id>/switch", calendly_pages.switch_event_type, name="switch_event_type"),
    path("events/<id>", calendly_pages.show_event, name="event"),
    path("events/<id>/cancel", calendly_pages.cancel_event, name="cancel_event"),
    path("events/<id>/move", calendly_pages.move_event, name="move_event"),
    path("events/<id>/no-show", calendly_pages.mark_no_show, name="no_show"),
    path("cancellations/<invitee_id>", calendly_pages.follow_link, name="cancellation"),
    path("reschedulings/<invitee_id>", calendly_pages.follow_link, name="rescheduling"),
    path("outlook", graph_pages.outlook, name="outlook"),
    path("outlook/add", graph_pages.add, name="add_outlook_event"),
    path("outlook/<mailbox>/<id>", graph_pages.show, name="outlook_event"),
    path("outlook/<mailbox>/<id>/move", graph_pages.move, name="move_outlook_event"),
    path("outlook/<mailbox>/<id>/delete", graph_pages.delete, name="delete_outlook_event"),
    path("d/<id>", link_page.follow, name="link"),
    path("medirecords", pages.medirecords, name="medirecords"),
    path("mailbox", mail_pages.mailbox, name="mailbox"),
    path("mailbox/<id>", mail_pages.show_message, name="message"),
    path("mailbox/<id>/report", mail_pages.report, name="report_message"),
    path("mailbox/<id>/html", mail_pages.show_message_html, name="message_html"),
    path("mailbox/<id>/files/<int:number>", mail_pages.download, name="file"),
    path("incidents", pagerduty_pages.incidents, name="incidents"),
    path("incidents/<id>", pagerduty_pages.change_incident, name="change_incident"),
    path("forms", jotform_pages.submissions, name="jotform"),
    path("forms/<form_id>", jotform_pages.fill_in, name="jotform_form"),
    path("payments", stripe_pages.list_payments, name="payments"),
    path("payments/<id>/<slug:verb>", stripe_pages.do, name="payment"),
    path("pay/<id>", stripe_pages.checkout, name="checkout"),
    path("deliveries", pages.deliveries, name="deliveries"),
    path("deliveries/<id>/again", pages.send_again, name="send_again"),
    path("subscriptions", pages.set_subscriptions, name="subscriptions"),
    path("faults", dial_page.faults, name="faults"),
    path("faults/clear", dial_page.clear_faults, name="clear_faults"),
    path("faults/preset", dial_page.choose_preset, name="preset"),
    path("faults/seed", dial_page.sow, name="sow"),
    path("faults/plan", dial_page.choose_plan, name="choose_plan"),
]

urlpatterns = [
    path("calendly/", include(calendly_urls)),
    path("medirecords/", include(medirecords_urls)),
    path("graph/v1.0/", include(graph_urls)),
    path("microsoft/<tenant>/oauth2/v2.0/token", door(LOGIN, "token", POST=tokens.give)),
    path("ses/v2/email/outbound-emails", door(SES, "messages", POST=mail.send_email)),
    path("pagerduty/v2/enqueue", door(PAGERDUTY, "events", POST=pagerduty.enqueue)),
    path("jotform/", include(jotform_urls)),
    path("stripe/v1/", include(stripe_urls)),
    path("_control/", include(control_urls)),
    *page_urls,
]
