"""Keeps everybody but the gateway from asking Stripe.

The SDK can also be called as a module, and dj-stripe does so whenever it meets a key or an object
it does not know: with the open transaction of whoever stored something, with its own patience, and
with errors that nobody translates. In our processes that way is closed.
"""

from typing import Any, NoReturn

import stripe


class AskedBehindTheGateway(RuntimeError):
    """Something called Stripe without the gateway. A defect: nothing was sent."""


class _Closed(stripe.HTTPClient):
    name = "closed"

    def request(self, method: str, url: str, *_: Any, **__: Any) -> NoReturn:
        raise AskedBehindTheGateway(
            f"Only wallets.stripe.gateway asks Stripe: {method.upper()} {url} was not sent."
        )

    request_stream = request

    def close(self) -> None:
        pass


def seal() -> None:
    stripe.default_http_client = _Closed()
