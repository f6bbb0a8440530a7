"""Every address of the portal."""

from django.contrib import admin
from django.urls import path

from botaniqal.api import errors, health, pages
from practitioners import api as practitioners

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error

api = [
    path("api/auth/token", practitioners.TokenView.as_view()),
    path("api/practitioners/availability", practitioners.Availability.as_view()),
    path("api/schema", pages.SchemaFile.as_view(), name="schema"),
    path("api/docs", pages.SchemaPage.as_view(), name="schema-page"),
]

operators = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]

urlpatterns = [
    path("admin/", admin.site.urls),
    *api,
    *operators,
]
