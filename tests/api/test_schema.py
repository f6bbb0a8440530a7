import re

import pytest
import yaml
from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


class TestSchema:
    def test_is_valid_openapi_without_a_warning(self, schema):
        validate_schema(schema)

        assert schema["openapi"].startswith("3.1")
        assert not GENERATOR_STATS._warn_cache
        assert not GENERATOR_STATS._error_cache

    def test_tells_of_every_address(self, schema):
        routes = {str(pattern.pattern) for pattern in get_resolver("botaniqal.urls").url_patterns}
        ours = {re.sub(r"<\w+:(\w+)>", r"{\1}", f"/{route}") for route in routes if route.startswith("api/")}

        assert set(schema["paths"]) == ours - {"/api/schema", "/api/docs"}

    @pytest.mark.parametrize("path", ["/api/bookings/phone", "/api/consultations/book", "/api/holds"])
    def test_tells_of_the_idempotency_key(self, schema, path):
        names = [parameter["name"] for parameter in schema["paths"][path]["post"].get("parameters", [])]

        assert "Idempotency-Key" in names

    def test_asks_the_phone_system_for_both_headers(self, schema):
        security = schema["paths"]["/api/bookings/phone"]["post"]["security"]

        assert {"phoneSystemKey": [], "phoneSystemConsultant": []} in security


class TestSchemaFile:
    def test_is_there_for_everybody(self, api):
        answer = api.get("/api/schema")

        assert answer.status_code == 200
        assert yaml.safe_load(answer.content)["info"]["title"] == "Botaniqal portal"


class TestSchemaPage:
    def test_keeps_to_the_portals_content_security_policy(self, api):
        answer = api.get("/api/docs", headers={"Accept": "text/html"})

        page = answer.content.decode()
        assert answer["Content-Security-Policy"] == api.get("/api/services")["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page)
        assert all(address.startswith("/") for address in re.findall(r'(?:src|href)="([^"]+)"', page))

    def test_brings_its_script(self, api):
        answer = api.get("/api/docs?script=")

        assert answer["Content-Type"].startswith("application/javascript")
