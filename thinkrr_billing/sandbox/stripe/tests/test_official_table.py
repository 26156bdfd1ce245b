"""The table of which fields are always there fits the SDK that is pinned, and is read rightly."""

import json

import stripe

from thinkrr_billing.sandbox.stripe.tests.official import presence
from thinkrr_billing.sandbox.stripe.tests.official.definitions import (
    HELD,
    fields,
    nested,
    optional,
    path_of,
    routes,
)


def test_presence_is_told_of_every_optional_field_of_the_pinned_version():
    """Otherwise another version of the SDK was pinned: see the docstring of `presence`."""
    assert presence.version() == stripe.api_version
    told = {name: set(found) for name, found in presence.table().items()}
    for root in HELD.values():
        for owner in nested(root):
            wanted = {name for name, kind in fields(owner).items() if optional(kind)}
            assert told.pop(path_of(owner), set()) == wanted
    assert told == {}


def test_sdk_tells_the_routes_with_their_parameters_and_answers():
    confirm = routes()["POST", "/v1/payment_intents/{}/confirm"]
    assert confirm.answer == "PaymentIntent"
    assert "off_session" in confirm.parameters
    listing = routes()["GET", "/v1/customers/{}/payment_methods"]
    assert listing.answer == "ListObject[PaymentMethod]"


def test_presence_is_read_from_the_twins_declarations(tmp_path):
    file = tmp_path / "Refunds.d.ts"
    file.write_text(
        "export interface Refund {\n    id: string;\n    charge: string | Charge | null;\n"
        "    why?: Refund.Why;\n    address?: Address | null;\n    balance?: {\n"
        "        [key: string]: number;\n    } | null;\n}\n"
        "export declare namespace Refund {\n    interface Why {\n        code: string | null;\n"
        "    }\n}\n"
    )

    assert presence._interfaces(file) == {
        "Refund": {
            "id": presence.REQUIRED,
            "charge": presence.ALWAYS,
            "why": presence.NEVER_NULL,
            "address": presence.NEITHER,
            "balance": presence.NEITHER,
        },
        "Refund.Why": {"code": presence.ALWAYS},
    }


def test_written_table_is_the_table_that_is_read():
    written = json.loads(
        presence._written(
            {
                "api_version": "1",
                "events": {},
                "fields": {
                    "refund": {"a": presence.ALWAYS, "b": presence.NEITHER, "c": presence.ALWAYS},
                },
            }
        )
    )

    assert written["fields"] == {"refund": {"always": "a c", "neither": "b"}}
