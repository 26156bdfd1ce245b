"""What one request works with: the objects, the clock, and what was asked."""

from dataclasses import dataclass, field

from thinkrr_billing.sandbox.stripe.state.clock import Clock
from thinkrr_billing.sandbox.stripe.state.ids import new_id
from thinkrr_billing.sandbox.stripe.state.secret_keys import ACCOUNT_ID
from thinkrr_billing.sandbox.stripe.state.store import Store
from thinkrr_billing.sandbox.stripe.wire import errors


@dataclass
class Context:
    """One request, as the routes see it."""

    store: Store
    clock: Clock
    base_url: str
    account: str = ACCOUNT_ID
    params: dict = field(default_factory=dict)
    request_id: str | None = None
    idempotency_key: str | None = None
    fault: dict | None = None
    silent: bool = False  # Set by the bulk import: no events.

    def get(self, *, kind: str, id: str, param: str = "id", status: int = 404) -> dict:
        found = self.store.find(kind=kind, id=id)
        if found is None:
            raise errors.missing(kind=kind, id=id, param=param, status=status)
        return found

    def stamp(self, prefix: str, kind: str, *, length: int = 24, mode: bool = True) -> dict:
        """What every object begins with. `mode`: whether it tells its livemode; some do not."""
        stamp = {
            "id": new_id(prefix, length=length),
            "object": kind,
            "created": self.clock.seconds(),
        }
        return stamp | {"livemode": False} if mode else stamp
