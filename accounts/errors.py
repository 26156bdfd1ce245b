"""Everything that can be refused about people, accounts and keys: one class per remedy.

`status` is the HTTP status a door answers with; `str(error)` is the sentence for the user."""


class AccountError(Exception):
    """An operation was refused. Nothing was changed."""

    code = "refused"
    status = 400
    # Seconds after which the same may be asked for again, where waiting is all it takes.
    retry_after: int | None = None

    def __init__(self, message: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class Invalid(AccountError):
    """What was sent cannot be used. `fields` says which part, and how to mend it."""

    code = "invalid"
    status = 422


class Unusable(AccountError):
    """What was asked for makes no sense: a day that is none, a range the wrong way round."""

    code = "invalid"
    status = 400


class NotFound(AccountError):
    """There is nothing here for this caller, who may not learn whether it exists."""

    code = "not_found"
    status = 404


class Forbidden(AccountError):
    """The caller may see it, but not do this. The sentence says who may."""

    code = "forbidden"
    status = 403


class Conflict(AccountError):
    """The state of things does not allow it, for example removing the last owner."""

    code = "conflict"
    status = 409


class TooMany(AccountError):
    """Too many attempts. Waiting helps."""

    code = "too_many_attempts"
    status = 429
