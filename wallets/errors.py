"""Everything that can be refused about money, one class per remedy.

Each error is a sentence for the person who asked, and promises that nothing was changed.
`status` is the HTTP status a door answers with.
"""

from accounts.errors import AccountError


class WalletError(AccountError):
    """An operation on money was refused. Nothing was changed."""


class InvalidAmount(WalletError):
    """A figure or a choice cannot be used. `fields` says which, and how to mend it."""

    code = "invalid"
    status = 422


class NoPaymentMethod(WalletError):
    """There is no usable card. Adding one helps."""

    code = "no_payment_method"
    status = 422


class PaymentMethodInUse(WalletError):
    """The card is used by something that charges it. Choosing another card there helps."""

    code = "payment_method_in_use"
    status = 409

    def __init__(self, message: str, *, uses: list[str]) -> None:
        super().__init__(message)
        self.uses = uses


class PurchaseInProgress(WalletError):
    """Another charge for this wallet has no outcome yet. Waiting for it helps."""

    code = "purchase_in_progress"
    status = 409

    def __init__(self, message: str, *, purchase_id: object) -> None:
        super().__init__(message)
        self.purchase_id = purchase_id


class FormReused(WalletError):
    """The key was already used for another purchase. A new key helps."""

    code = "idempotency_key_reused"
    status = 422


class QuoteChanged(WalletError):
    """The figures moved since they were shown. Looking at the new ones helps."""

    code = "quote_changed"
    status = 422


class Refused(WalletError):
    """The state of things does not allow it. The sentence says what would."""

    code = "refused"
    status = 409


class TooManyAttempts(WalletError):
    """Too many attempts by a person. Waiting helps."""

    code = "too_many_attempts"
    status = 429


class KeyReused(WalletError):
    """A movement's key was posted with another amount. The caller has a bug."""

    code = "key_reused"
    status = 409


class GatewayUnreachable(WalletError):
    """Stripe could not be asked. Trying later helps."""

    code = "payment_service_unreachable"
    status = 503
    # Sweeps ask Stripe each minute, too.
    retry_after = 60


class OurKeyRefused(GatewayUnreachable):
    """Stripe accepts no such call with our key. Support has been told; trying later helps."""

    def __init__(self, outcome: str) -> None:
        super().__init__(
            "The payment service does not accept our requests at the moment. Support has been "
            f"told. {outcome}"
        )
