"""The portal's addresses with a page that breaks, and a job that does; both full of words that nobody may hear."""

import logging
import os

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from botaniqal import logs, urls
from botaniqal.celery import app
from botaniqal.integrations.http import Wire

SECRET = "Leo-Martin"
"""A patient's name, wherever one could stand."""
JOB_ID = "a-job-of-the-tests"

log = logging.getLogger(__name__)


@csrf_exempt
def break_down(request: HttpRequest, token: str) -> HttpResponse:
    patient = SECRET
    get_user_model().objects.filter(email=patient).exists()
    wire = Wire(vendor="Vendor", base_url=os.environ["VENDOR_URL"], token=patient, timeout=5)
    wire.get("/people/{email}", ids={"email": patient}, query={"name": patient}, read=dict)
    log.error("no number for %s", patient)
    raise ValueError(f"{patient} has no number")


def number(request: HttpRequest) -> HttpResponse:
    return HttpResponse(os.getpid())


@app.task(name="tests.telling.broken.job")
def job(patient: str) -> None:
    with logs.under(JOB_ID):
        break_down(HttpRequest(), patient)


urlpatterns = [path("visit/<str:token>/broken", break_down), path("number", number), *urls.urlpatterns]
