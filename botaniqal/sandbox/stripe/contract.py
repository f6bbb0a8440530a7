"""What Stripe accepts: forms with bracketed names, as far as the portal uses them."""

from botaniqal.sandbox.contracts import Schema

TEXT: Schema = {"type": "string"}
CENTS: Schema = {"type": "string", "pattern": r"^[0-9]{1,8}$"}
CURRENCY: Schema = {"type": "string", "pattern": "^[a-z]{3}$"}
VALUE: Schema = {"type": "string", "maxLength": 500}
METADATA = {r"^metadata\[[A-Za-z0-9_]{1,40}\]$": VALUE}
EXPAND = {r"^expand\[[0-9]+\]$": TEXT}
KINDS = {r"^payment_method_types\[[0-9]+\]$": TEXT}


def _words(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def _form(properties: dict[str, Schema], patterns: dict[str, Schema], *required: str) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
        "patternProperties": patterns,
    }


ITEM = "line_items[0]"
CREATE_SESSION = _form(
    {
        "mode": _words("payment"),
        "ui_mode": _words("hosted_page"),
        "success_url": {"type": "string", "format": "uri"},
        "cancel_url": {"type": "string", "format": "uri"},
        "client_reference_id": {"type": "string", "maxLength": 200},
        "customer": TEXT,
        "customer_email": {"type": "string", "format": "email", "maxLength": 800},
        "customer_creation": _words("always", "if_required"),
        "expires_at": {"type": "string", "pattern": r"^[0-9]{1,12}$"},
        "locale": TEXT,
        "submit_type": _words("auto", "book", "donate", "pay", "subscribe"),
        f"{ITEM}[quantity]": {"type": "string", "pattern": r"^[1-9][0-9]{0,5}$"},
        f"{ITEM}[price_data][currency]": CURRENCY,
        f"{ITEM}[price_data][unit_amount]": CENTS,
        f"{ITEM}[price_data][product_data][name]": {"type": "string", "minLength": 1},
        f"{ITEM}[price_data][product_data][description]": TEXT,
        f"{ITEM}[price_data][tax_behavior]": _words("exclusive", "inclusive", "unspecified"),
        "payment_intent_data[description]": TEXT,
        "payment_intent_data[receipt_email]": TEXT,
        "payment_intent_data[statement_descriptor]": TEXT,
        "payment_intent_data[statement_descriptor_suffix]": TEXT,
        "payment_intent_data[capture_method]": TEXT,
        "payment_intent_data[setup_future_usage]": _words("off_session", "on_session"),
    },
    METADATA | EXPAND | KINDS | {r"^payment_intent_data\[metadata\]\[[A-Za-z0-9_]{1,40}\]$": VALUE},
    "mode",
    "success_url",
    f"{ITEM}[quantity]",
    f"{ITEM}[price_data][currency]",
    f"{ITEM}[price_data][unit_amount]",
    f"{ITEM}[price_data][product_data][name]",
)
CREATE_REFUND = _form(
    {
        "payment_intent": TEXT,
        "charge": TEXT,
        "amount": CENTS,
        "reason": _words("duplicate", "fraudulent", "requested_by_customer"),
        "instructions_email": TEXT,
    },
    METADATA | EXPAND,
)
NOTHING = _form({}, EXPAND)
LIST: Schema = {
    "type": "object",
    "properties": {
        "payment_intent": TEXT,
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        "starting_after": TEXT,
        "created[gte]": {"type": "integer"},
        "created[lt]": {"type": "integer"},
        "status": _words("open", "complete", "expired"),
    },
}
