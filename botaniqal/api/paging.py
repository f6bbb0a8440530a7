"""Long lists in pages."""

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from botaniqal.errors import Malformed


class CursorPages(CursorPagination):
    """Pages that stay right while rows come and go: ``{"results": […], "next": url or null}``."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "pageSize"
    page_size_query_description = f"How many, 1 to {max_page_size}."
    invalid_cursor_message = "This cursor is not one of ours. Start from the first page."

    def get_page_size(self, request: Request) -> int:
        """
        Read how many the caller wants.

        :raises Malformed: no number from 1 to 200.
        """
        asked = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if asked.isascii() and asked.isdigit() and len(asked) <= 3 and 1 <= int(asked) <= self.max_page_size:
            return int(asked)
        raise Malformed(details={self.page_size_query_param: [f"Say a number from 1 to {self.max_page_size}."]})

    def get_paginated_response(self, data: list[Any]) -> Response:
        """Wrap one page."""
        return Response({"results": data, "next": self.get_next_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe one page."""
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": ["string", "null"], "format": "uri", "description": "The next page, if there is one."},
            },
        }
