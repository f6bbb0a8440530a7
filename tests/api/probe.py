"""Views that do nothing of the clinic's, to look at what all views have in common."""

from collections import Counter

import psycopg
from django.db import InterfaceError, OperationalError, connection
from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from botaniqal.api.fields import Moment
from botaniqal.api.idempotency import once_per_key
from botaniqal.errors import Conflict, RuleBroken, TooBusy
from botaniqal.urls import handler400, handler403, handler404, handler500  # noqa: F401 (looked up by name)
from botaniqal.urls import urlpatterns as portal

worked = Counter()


class Body(serializers.Serializer):
    at = Moment(required=False)
    names = serializers.ListField(child=serializers.CharField(max_length=3), required=False)


class Nobody(BaseAuthentication):
    def authenticate(self, request):
        return None

    def authenticate_header(self, request):
        return "Bearer"


class Echo(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    def post(self, request):
        body = Body(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(request.data)


class Work(Echo):
    @once_per_key
    def post(self, request):
        worked[request.headers.get("Idempotency-Key")] += 1
        match request.data.get("ends"):
            case "busy":
                raise TooBusy
            case "refused":
                raise RuleBroken("rule", "No.")
            case "fault":
                raise ZeroDivisionError
        return Response({"worked": sum(worked.values())}, status=201)


class Raise(APIView):
    permission_classes = [AllowAny]
    authentication_classes = [Nobody]

    def get(self, request, what):
        raise {
            "rule": RuleBroken("notice", "Too late."),
            "conflict": Conflict(extra={"alternatives": [1, 2]}),
            "throttled": exceptions.Throttled(wait=2.5),
            "nobody": exceptions.NotAuthenticated(),
            "denied": exceptions.PermissionDenied(),
            "fault": ZeroDivisionError("with something private in it"),
            "database-django": OperationalError("private"),
            "database-lost": InterfaceError("private"),
            "database-driver": psycopg.errors.AdminShutdown("private"),
        }[what]


class DeadLock(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    def get(self, request, sqlstate):
        with connection.cursor() as cursor:
            cursor.execute(f"do $$ begin raise exception 'private' using errcode = '{sqlstate}'; end $$")


def fault(request):
    raise ZeroDivisionError("with something private in it")


urlpatterns = [
    *portal,
    path("fault", fault),
    path("api/echo", Echo.as_view()),
    path("api/work", Work.as_view()),
    path("api/raise/<what>", Raise.as_view()),
    path("api/database/<sqlstate>", DeadLock.as_view()),
]
