"""The portal's addresses, and the bare views that it is measured against."""

import json
from functools import cache

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from botaniqal.urls import handler400, handler404, handler500
from botaniqal.urls import urlpatterns as portal

__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]


class Bare(APIView):
    """A DRF view that asks nobody and answers a body of the size that the measured view answers."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        """Answer the body that was put aside."""
        return Response(_body())


def one_row(request: HttpRequest) -> JsonResponse:
    """Read one indexed row, then answer the same body."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM practitioners_practitioner ORDER BY id LIMIT 1")
        cursor.fetchone()
    return JsonResponse(_body())


@csrf_exempt
def insert(request: HttpRequest) -> JsonResponse:
    """Write one row and commit."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_row DEFAULT VALUES")
    return JsonResponse({})


@cache
def _body() -> dict:
    return json.loads(settings.BENCH_BODY.read_bytes())


urlpatterns = [
    path("bench/bare", Bare.as_view()),
    path("bench/one-row", one_row),
    path("bench/insert", insert),
    *portal,
]
