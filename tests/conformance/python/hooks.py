"""For schemathesis: values of our scalars, good ones and near misses, and what a sound answer is."""

import json
import re

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

WORDS = {
    "BigInt": ["0", "7", "-1", "9223372036854775808", "x"],
    "CountryCode": ["IN", "DE", "XX", "in", ""],
    "CurrencyCode": ["INR", "JPY", "XXX", "inr", ""],
    "Date": ["2026-11-22", "2024-02-29", "2026-02-30", "x"],
    "DateTime": [
        "2026-11-22T09:00:00Z",
        "2026-11-22T09:00:00+05:30",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "x",
    ],
    "Decimal": ["0.00", "1150.00", "-1.00", "0.001", "1e400", "NaN", "x"],
    "EmailAddress": ["a@example.com", "a@", "\u00e4@ex\u00e4mple.com", ""],
    "LocaleCode": ["en", "de-DE", "x-y-z", ""],
    "PhoneNumber": ["+919812345678", "98123 45678", "+1", ""],
    "TimeZone": ["UTC", "Asia/Kolkata", "Mars/Base", ""],
    "URL": ["https://example.com/a", "http://localhost", "javascript:alert(1)", "x"],
}
for name, words in WORDS.items():
    schemathesis.graphql.scalar(name, st.sampled_from(words).map(nodes.String))
schemathesis.graphql.scalar("JSON", st.sampled_from(["{}", "x", json.dumps({"a": 1})]).map(nodes.String))

CODES = {
    "BAD_REQUEST",
    "BAD_USER_INPUT",
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "CONFLICT",
    "QUERY_TOO_COMPLEX",
    "RATE_LIMITED",
    "OVERLOADED",
    "OPERATION_NOT_ALLOWED",
}
INSIDE = re.compile(r"Traceback|\.py\b|postgres|asyncpg|sqlalchemy|strawberry|graphql-core|SELECT |relation \"", re.I)


@schemathesis.check
def typed_refusals(ctx, response, case):
    """Whatever is sent: an answer below 500 whose errors are those of the contract and show nothing of the inside.

    Schemathesis' own check takes each error with a path for a fault of the server; a typed refusal is none.
    """
    assert response.status_code < 500, f"status {response.status_code}"
    assert not INSIDE.search(response.text), response.text
    codes = [error.get("extensions", {}).get("code") for error in response.json().get("errors", ())]
    assert set(codes) <= CODES, response.text
