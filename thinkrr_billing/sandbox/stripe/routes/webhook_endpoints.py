"""Webhook endpoints, besides the one given on the command line."""

from thinkrr_billing.sandbox.stripe.objects.events import API_VERSION
from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.state.ids import random_text
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError
from thinkrr_billing.sandbox.stripe.wire.params import LISTING, merge_metadata, require

_FIELDS = {"url": "str", "enabled_events": "list", "description": "str", "metadata": "metadata"}

# Of the endpoint that was not made through the API.
MAIN_ID = "we_1CommandLine000000000000"


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise ApiError(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param="url",
        )


@route("POST", "/v1/webhook_endpoints", {**_FIELDS, "api_version": "str", "connect": "bool"})
def create(ctx: Context) -> dict:
    require(ctx.params, "url", "enabled_events")
    _check_url(ctx.params["url"])
    secret = f"whsec_{random_text(32)}"
    endpoint = ctx.stamp("we", "webhook_endpoint") | _facts(ctx, url=ctx.params["url"])
    endpoint["_sandbox"] = {"secret": secret}
    ctx.store.save(endpoint)
    return endpoint | {"secret": secret}  # Told once, at creation.


def _facts(ctx: Context, *, url: str) -> dict:
    return {
        "api_version": ctx.params.get("api_version") or API_VERSION,
        "application": None,
        "description": ctx.params.get("description") or None,
        "enabled_events": ctx.params.get("enabled_events", ["*"]),
        "metadata": merge_metadata({}, ctx.params.get("metadata")),
        "status": "enabled",
        "url": url,
    }


@route("GET", "/v1/webhook_endpoints/{id}")
def retrieve(ctx: Context, id: str) -> dict:
    main = _main(ctx)
    return main if main and id == MAIN_ID else ctx.get(kind="webhook_endpoint", id=id)


@route("POST", "/v1/webhook_endpoints/{id}", {**_FIELDS, "disabled": "bool"})
def update(ctx: Context, id: str) -> dict:
    endpoint = ctx.get(kind="webhook_endpoint", id=id)
    if "url" in ctx.params:
        _check_url(ctx.params["url"])
    for name in ("url", "enabled_events", "description"):
        if name in ctx.params:
            endpoint[name] = ctx.params[name]
    if "disabled" in ctx.params:
        endpoint["status"] = "disabled" if ctx.params["disabled"] else "enabled"
    endpoint["metadata"] = merge_metadata(endpoint["metadata"], ctx.params.get("metadata"))
    ctx.store.save(endpoint)
    return endpoint


@route("DELETE", "/v1/webhook_endpoints/{id}")
def delete(ctx: Context, id: str) -> dict:
    ctx.get(kind="webhook_endpoint", id=id)
    gone = {"id": id, "object": "webhook_endpoint", "deleted": True}
    ctx.store.save(gone)
    return gone


@route("GET", "/v1/webhook_endpoints", LISTING)
def listing(ctx: Context) -> dict:
    """All of them; the one of the command line was there before any other."""
    found = page(ctx, kind="webhook_endpoint", url="/v1/webhook_endpoints")
    main = _main(ctx)
    if main and not found["has_more"] and "ending_before" not in ctx.params:
        found["data"] = [*found["data"], main]
    return found


def _main(ctx: Context) -> dict | None:
    """Where the command line, or the control API, has events sent."""
    url = ctx.store.meta("webhook", {}).get("url")
    if not url:
        return None
    return ctx.stamp("we", "webhook_endpoint") | _facts(ctx, url=url) | {"id": MAIN_ID}
