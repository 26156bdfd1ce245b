"""The whole sandbox without its sockets: its state, its clock, and who delivers its events."""

import threading

from thinkrr_billing.sandbox.stripe.state.clock import Clock
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.state.idempotency import Keys
from thinkrr_billing.sandbox.stripe.state.secret_keys import ACCOUNT_ID
from thinkrr_billing.sandbox.stripe.state.store import Store
from thinkrr_billing.sandbox.stripe.state.webhooks import Deliverer


class Sandbox:
    """What `app.handle` works on. Not delivering yet: `start` begins that, `stop` ends it."""

    def __init__(self, *, state: str) -> None:
        self.store = Store(state)
        self.clock = Clock(self.store)
        self.keys = Keys(self.store)
        self.deliverer = Deliverer(self.store, self.clock)
        self.stopping = threading.Event()
        self._elsewhere: dict[str, Store] = {}

    def start(self) -> None:
        self.deliverer.start()

    def stop(self) -> None:
        self.stopping.set()
        self.deliverer.stop()
        self.store.close()

    def context(self, *, base_url: str, account: str = ACCOUNT_ID) -> Context:
        return Context(
            store=self._objects_of(account), clock=self.clock, base_url=base_url, account=account
        )

    def forget_other_accounts(self) -> None:
        self._elsewhere.clear()

    def _objects_of(self, account: str) -> Store:
        """Another account begins empty, is not kept, and sends no events."""
        if account == ACCOUNT_ID:
            return self.store
        with self.store.lock:
            return self._elsewhere.setdefault(account, Store(":memory:"))
