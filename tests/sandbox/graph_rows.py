"""What the tests of the stand-in for Graph have in common."""

from tests.sandbox.graph_door import BOOKING

OTHER = "dr.shivani@example.com"
EXPAND = f"singleValueExtendedProperties($filter=id eq '{BOOKING}')"


def ids(page):
    return [row["id"] for row in page["value"]]


def marked(booking):
    return [{"id": BOOKING, "value": booking}]


def code_of(response):
    return response.status_code, response.json()["error"]["code"]
