import pytest

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.probe")]


class TestAnswer:
    def test_tells_the_rule_that_was_broken(self, api):
        answer = api.get("/api/raise/rule")

        assert answer.status_code == 422
        assert answer.json() == {"error": "Too late.", "code": "rule_broken", "details": {"rule": ["notice"]}}

    def test_adds_further_members(self, api):
        answer = api.get("/api/raise/conflict")

        assert answer.status_code == 409
        assert answer.json() == {
            "error": "This was changed meanwhile.",
            "code": "conflict",
            "details": {},
            "alternatives": [1, 2],
        }

    def test_says_when_to_come_back_when_throttled(self, api):
        answer = api.get("/api/raise/throttled")

        assert (answer.status_code, answer["Retry-After"]) == (429, "3")
        assert answer.json()["code"] == "throttled"

    def test_asks_for_a_token(self, api):
        answer = api.get("/api/raise/nobody")

        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json()["code"] == "not_authenticated"

    def test_refuses_who_has_no_right(self, api):
        answer = api.get("/api/raise/denied")

        assert answer.status_code == 403
        assert answer.json() == {"error": "You may not do this.", "code": "not_allowed", "details": {}}

    @pytest.mark.parametrize(
        "path",
        [
            "database/55P03",  # a lock not had in time
            "database/40P01",  # a dead-lock
            "database/40001",  # another transaction came first
            "raise/database-django",
            "raise/database-lost",
            "raise/database-driver",
        ],
    )
    def test_is_busy_when_the_database_is(self, api, path):
        answer = api.get(f"/api/{path}")

        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
        assert answer.json()["code"] == "busy"
        assert "private" not in answer.content.decode()

    def test_knows_the_methods_of_an_address(self, api):
        answer = api.delete("/api/echo")

        assert answer.status_code == 405
        assert answer.json()["code"] == "method_not_allowed"

    def test_reads_json_alone(self, api):
        answer = api.post("/api/echo", "a=1", content_type="application/x-www-form-urlencoded")

        assert answer.status_code == 415
        assert answer.json()["code"] == "unsupported_media_type"

    def test_names_the_fields_at_fault(self, api):
        answer = api.post("/api/echo", {"at": "2026-12-01T10:00:00", "names": ["abcd", "abcd", "a"]}, format="json")

        assert answer.status_code == 400
        assert answer.json() == {
            "error": "Some of the input is not valid: at, names.",
            "code": "invalid",
            "details": {
                "at": ["Say the time with its zone, e.g. 2026-12-01T10:00:00Z."],
                "names": ["Ensure this field has no more than 3 characters."],
            },
        }


class TestStrictJSON:
    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"[1]",
            b'"text"',
            b"null",
            b'{"a": NaN}',
            b'{"a": -Infinity}',
            b"\xff\xfe\xfa",
            b'{"a": 1' + b"0" * 5000 + b"}",
        ],
        ids=[
            "cut off",
            "list",
            "text",
            "null",
            "nan",
            "infinity",
            "no utf-8",
            "huge number",
        ],
    )
    def test_refuses_what_is_no_json_object(self, api, body):
        answer = api.post("/api/echo", body, content_type="application/json")

        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid"

    def test_refuses_a_body_nested_without_end(self, api):
        answer = api.post("/api/echo", b'{"a": ' + b"[" * 100_000, content_type="application/json")

        assert answer.status_code == 400
        assert answer.json()["error"] == "The body is nested too deeply."

    def test_refuses_a_body_larger_than_the_settings_allow(self, api, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

        answer = api.post("/api/echo", {"names": ["a"] * 100}, format="json")

        assert answer.status_code == 413
        assert answer.json() == {"error": "The body is too large.", "code": "too_large", "details": {}}

    @pytest.mark.parametrize("text", [rb"\u0000", rb"\ud800"], ids=["nul", "lone surrogate"])
    def test_leaves_no_characters_in_text_that_the_database_refuses(self, api, text):
        answer = api.post("/api/echo", b'{"names": ["%s"]}' % text, content_type="application/json")

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == ["names"]


class TestMoment:
    @pytest.mark.parametrize("text", ["2026-12-01T10:00:00Z", "2026-12-01T21:00+11:00", "2026-12-01T10:00:00.000000Z"])
    def test_reads_a_moment_with_its_zone(self, api, text):
        answer = api.post("/api/echo", {"at": text}, format="json")

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "text",
        [
            "2026-12-01",
            "2026-12-01 10:00",
            "2026-12-01T10:00:00",
            "2026-13-01T10:00:00Z",
            "20261201T100000Z",
            "9999-12-31T23:59:59-12:00",
            "0001-01-01T00:00:00+14:00",
            "2026-12-01T10:00:00+99:99",
            "",
            None,
            5,
            ["2026-12-01T10:00:00Z"],
        ],
    )
    def test_refuses_anything_else(self, api, text):
        answer = api.post("/api/echo", {"at": text}, format="json")

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == ["at"]


class TestOutsideOfViews:
    @pytest.mark.parametrize("path", ["/api/nowhere", "/webhooks/nowhere"])
    def test_tells_in_json_that_an_address_does_not_exist(self, api, path):
        answer = api.get(path)

        assert answer.status_code == 404
        assert answer.json() == {"error": "There is no such address.", "code": "not_found", "details": {}}

    def test_leaves_pages_to_people(self, api):
        answer = api.get("/nowhere")

        assert answer.status_code == 404
        assert answer["Content-Type"].startswith("text/html")

    def test_tells_of_a_fault_of_ours_without_its_words(self, api):
        answer = api.get("/api/raise/fault")

        assert answer.status_code == 500
        assert answer.json() == {"error": "Something went wrong on our side.", "code": "server_error", "details": {}}

    def test_answers_a_request_for_another_host(self, api):
        answer = api.get("/api/echo", headers={"Host": "elsewhere.example"})

        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid"
