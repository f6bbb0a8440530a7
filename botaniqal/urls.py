"""Every address of the portal."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from bookings import api as bookings
from bookings.intake import form_pages
from bookings.self_service import online_pages, patient_page, portal_pages
from bookings.waiting import earlier_pages
from botaniqal import webhooks
from botaniqal.alerts import evaluating
from botaniqal.api import errors, health, pages
from botaniqal.messages import tracking
from botaniqal.reports import metrics_page, report_pages, row_pages, search, status_page
from practitioners import api as practitioners
from practitioners import person_page, publish_page
from services import api as services
from services import interest_pages, price_book_page, waitlist_api
from services import public_pages as service_pages
from triage import api as triage
from triage import booking_api, calendar_page, my_day_page, self_booking_page
from triage import public_pages as call_pages

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error

public_api = [
    path("api/auth/token", practitioners.TokenView.as_view()),
    path("api/consultations/book", booking_api.Consultations.as_view()),
    path("api/practitioners/availability", practitioners.Availability.as_view()),
    path("api/services", services.ServiceList.as_view()),
    path("api/services/<slug:slug>", services.ServiceDetail.as_view()),
    path("api/waitlist", waitlist_api.Waitlist.as_view()),
    path("api/schema", pages.SchemaFile.as_view(), name="schema"),
    path("api/docs", pages.SchemaPage.as_view(), name="schema-page"),
]

consultants_api = [
    path("api/triage/sessions", triage.SessionList.as_view()),
    path("api/triage/sessions/<uuid:session_id>", triage.SessionDetail.as_view()),
    path("api/holds", triage.Holds.as_view()),
    path("api/holds/<uuid:hold_id>", triage.HoldDetail.as_view()),
    path("api/bookings/phone", booking_api.PhoneBookings.as_view()),
    path("api/bookings/<uuid:booking_id>/sync", bookings.BookingSync.as_view(), name="booking-sync"),
]

# Either address takes everything: the event type decides, not the path.
vendors = [
    path("webhooks/calendly/triage", webhooks.calendly),
    path("webhooks/calendly/practitioner", webhooks.calendly),
    path("webhooks/graph", webhooks.graph),
    path("webhooks/graph/lifecycle", webhooks.graph),
    path("webhooks/jotform/<str:secret>", webhooks.jotform),
    path("webhooks/stripe", webhooks.stripe),
    path("anymail/amazon_ses/tracking/", tracking.Reports.as_view()),
]

visitors = [
    path("embed.js", service_pages.embed),
    path("services", service_pages.grid, name="services"),
    path("services/<slug:slug>", service_pages.funnel, name="service"),
    path("free-consultation", call_pages.free_consultation, name="free-consultation"),
    path("free-consultation/<str:token>", call_pages.planned, name="free-consultation-planned"),
]

patients = [
    path("interest/<slug:slug>", interest_pages.interest_page, name="interest"),
    path("unsubscribe/<str:token>", interest_pages.unsubscribe, name="unsubscribe"),
    path("visit/<str:token>/earlier", earlier_pages.ask_earlier, name="visit-earlier"),
    path("earlier/<str:token>", earlier_pages.earlier_offer, name="earlier-offer"),
    path("visit/<str:token>/form", form_pages.visit_form, name="visit-form"),
    path("call/<str:token>", self_booking_page.another_time, name="another-time"),
    path("book/<slug:code>", online_pages.book_online, name="book-online"),
    path("visit/<str:token>", patient_page.visit, name="visit"),
    path("visit/<str:token>/pay", patient_page.pay, name="visit-pay"),
    path("visit/<str:token>/paid", patient_page.paid, name="visit-paid"),
    path("visit/<str:token>/move", patient_page.move, name="visit-move"),
    path("visit/<str:token>/cancel", patient_page.cancel, name="visit-cancel"),
    path("visit/<str:token>/calendar.ics", patient_page.calendar, name="visit-calendar"),
    path("my-bookings", portal_pages.portal_ask, name="portal-ask"),
    path("my-bookings/<str:token>", portal_pages.bookings, name="portal"),
]

health.CHECKS["alerts"] = evaluating.require_recent
operators = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics_page.metrics, name="metrics"),
]

admin.site.pages = [
    search.urls,
    status_page.urls,
    calendar_page.urls,
    my_day_page.urls,
    person_page.urls,
    price_book_page.urls,
    publish_page.urls,
    row_pages.urls,
    report_pages.urls,
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    *public_api,
    *consultants_api,
    *vendors,
    *visitors,
    *patients,
    *operators,
]
