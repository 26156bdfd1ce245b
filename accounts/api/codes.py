"""Every code of a refusal once: its status, what it means, and what helps.

The OpenAPI document and docs/api.md say it in these words. What answers a code that is not here
fails in tests, and so does a code that nothing answers.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorCode:
    """One code; `statuses` are the HTTP statuses it comes with."""

    name: str
    statuses: tuple[int, ...]
    meaning: str
    remedy: str

    @property
    def sentence(self) -> str:
        return f"{self.meaning} {self.remedy}"


CODES = (
    ErrorCode(
        "invalid",
        (400, 422),
        "Something sent cannot be used.",
        "`fields` says which part, and how to mend it.",
    ),
    ErrorCode(
        "parse_error",
        (400,),
        "The body cannot be read as JSON without doubt.",
        "Send UTF-8 JSON with each key once.",
    ),
    ErrorCode(
        "https_required",
        (400,),
        "The request came over plain HTTP, so its key is known to the network.",
        "Use https://, and rotate the key.",
    ),
    ErrorCode(
        "not_authenticated",
        (401,),
        "No API key was sent.",
        "Send `Authorization: Bearer <key>`.",
    ),
    ErrorCode(
        "authentication_failed",
        (401,),
        "The key is unknown, revoked, expired, or not allowed from this address.",
        "Check the key on the page API keys, or make a new one.",
    ),
    ErrorCode(
        "forbidden",
        (403,),
        "The key may see it, but not do this.",
        "Use the key that the message names, or give the key the scope.",
    ),
    ErrorCode(
        "not_found",
        (404,),
        "There is nothing for this key at this address.",
        "Check the id and whose key it is.",
    ),
    ErrorCode(
        "unknown_campaign",
        (404,),
        "The account has no such campaign.",
        "Register it with PUT campaigns/{external_id}.",
    ),
    ErrorCode(
        "method_not_allowed",
        (405,),
        "The address does not take this method.",
        "Use one of those in the header `Allow`.",
    ),
    ErrorCode(
        "not_acceptable",
        (406,),
        "The header `Accept` asks for what this route does not answer.",
        "Accept `application/json`.",
    ),
    ErrorCode(
        "conflict",
        (409,),
        "The state of the account does not allow it.",
        "The message says what would have to change first.",
    ),
    ErrorCode(
        "refused",
        (409,),
        "The state of things does not allow it.",
        "The message says what would.",
    ),
    ErrorCode(
        "purchase_in_progress",
        (409,),
        "Another charge of this wallet has no outcome yet.",
        "Wait for the purchase in `fields.purchase`, then send the same request again.",
    ),
    ErrorCode(
        "low_balance",
        (409,),
        "The wallet cannot pay one minute of the campaign's type.",
        "Recharge the wallet, then start or resume again.",
    ),
    ErrorCode(
        "closed",
        (409,),
        "The account is closed.",
        "Ask support to open it again.",
    ),
    ErrorCode(
        "wrong_status",
        (409,),
        "A campaign in this status cannot take that step.",
        "Read the campaign, and take a step of its status.",
    ),
    ErrorCode(
        "key_reused",
        (409,),
        "A movement of the ledger was posted before with another amount.",
        "Nothing was booked: tell support.",
    ),
    ErrorCode(
        "too_large",
        (413,),
        "The body is larger, or has more items, than is taken at once.",
        "Send less at once.",
    ),
    ErrorCode(
        "unsupported_media_type",
        (415,),
        "The body is no JSON.",
        "Send `Content-Type: application/json`.",
    ),
    ErrorCode(
        "no_payment_method",
        (422,),
        "There is no usable card.",
        "Add a card on the page Wallet, or send the id of another.",
    ),
    ErrorCode(
        "idempotency_key_reused",
        (422,),
        "The Idempotency-Key was used for a request with other facts.",
        "Send a new key for a new request.",
    ),
    ErrorCode(
        "idempotency_key_in_use",
        (409,),
        "The first request with this Idempotency-Key is still at work.",
        "Send the same request again after the seconds in `Retry-After`.",
    ),
    ErrorCode(
        "quote_changed",
        (422,),
        "What would be charged is not what was expected.",
        "Look at the new figure, and send it as `quoted_charge`.",
    ),
    ErrorCode(
        "throttled",
        (429,),
        "The key sent more requests than a minute allows.",
        "Wait the seconds in the header `Retry-After`.",
    ),
    ErrorCode(
        "too_many_attempts",
        (429,),
        "This was tried too often.",
        "Wait as long as the message says.",
    ),
    ErrorCode(
        "busy",
        (503,),
        "Others were writing the same rows. Nothing was recorded.",
        "Send the same request again after the seconds in `Retry-After`.",
    ),
    ErrorCode(
        "unavailable",
        (503,),
        "The database did not answer, or the account is being moved, which takes seconds.",
        "Send the same request again after the seconds in `Retry-After`.",
    ),
    ErrorCode(
        "payment_service_unreachable",
        (503,),
        "Stripe could not be asked.",
        "Send the same request with the same Idempotency-Key after the seconds in `Retry-After`.",
    ),
)
CHOICES = [(code.name, code.sentence) for code in CODES]


def of_status(status: int) -> list[ErrorCode]:
    """The codes that come with an HTTP status."""
    return [code for code in CODES if status in code.statuses]
