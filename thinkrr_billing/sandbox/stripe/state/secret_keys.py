"""Secret keys that were described: what each may do, whose it is, whether it was rolled away.

A key that nobody described may do everything in the sandbox's own account.
"""

from dataclasses import dataclass

from thinkrr_billing.sandbox.stripe.state.store import Store

ACCOUNT_ID = "acct_1SandboxThinkrr0"
ACCESSES = ("none", "read", "write")


@dataclass(frozen=True)
class SecretKey:
    """`permissions` is by resource, and None where everything is allowed."""

    text: str
    account: str = ACCOUNT_ID
    permissions: dict[str, str] | None = None
    expired: bool = False

    @property
    def shown(self) -> str:
        kind, _, secret = self.text.rpartition("_")
        return f"{kind}_{'*' * max(len(secret) - 4, 0)}{secret[-4:]}"

    def may(self, resource: str, access: str) -> bool:
        if self.permissions is None:
            return True
        return self.permissions.get(resource, "none") in (access, "write")


def find(store: Store, text: str) -> SecretKey:
    return SecretKey(text=text, **store.meta("secret_keys", {}).get(text, {}))


def describe(store: Store, key: SecretKey) -> None:
    """Remember it, in the place of what was said of this key before."""
    facts = {"account": key.account, "permissions": key.permissions, "expired": key.expired}
    store.set_meta("secret_keys", store.meta("secret_keys", {}) | {key.text: facts})
