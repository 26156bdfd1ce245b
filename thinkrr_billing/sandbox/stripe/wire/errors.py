"""The errors Stripe answers, as exceptions. `executed` ones happened after work began: what they
changed is kept and the answer is stored under the idempotency key."""


class ApiError(Exception):
    """An answer other than 2xx. `extra` goes into the error object as it is."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = False,
        extra: dict | None = None,
        retry: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.executed = executed
        self.extra = extra or {}
        self.retry = retry  # Whether Stripe advises its SDKs to try again.

    def body(self, *, request_log_url: str) -> dict:
        error: dict = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://docs.stripe.com/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        error |= self.extra
        error["request_log_url"] = request_log_url
        return {"error": error}


def missing(*, kind: str, id: str, param: str, status: int = 404) -> ApiError:
    return ApiError(f"No such {kind}: '{id}'", status=status, code="resource_missing", param=param)


def unrecognized_url(*, method: str, path: str) -> ApiError:
    return ApiError(
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove "
        "the trailing slash. If you are trying to retrieve an object, make sure you passed a "
        "valid (non-empty) identifier in your code. The sandbox knows only the routes that "
        "docs/stripe-sandbox.md lists.",
        status=404,
    )


def unauthorized(message: str, *, code: str | None = None) -> ApiError:
    return ApiError(message, status=401, code=code)


def forbidden(message: str, *, code: str | None = None) -> ApiError:
    return ApiError(message, status=403, code=code)


def idempotency_mismatch(*, key: str) -> ApiError:
    return ApiError(
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to execute a different "
        "request.",
        kind="idempotency_error",
    )


def key_in_use(*, key: str) -> ApiError:
    return ApiError(
        "There is currently another in-progress request using this Stripe-Idempotency-Key "
        f"('{key}'). Please wait for that request to finish.",
        status=409,
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )


def internal_error() -> ApiError:
    return ApiError(
        "An error occurred while processing your request (thinkrr Stripe sandbox).",
        status=500,
        kind="api_error",
    )


def rate_limited() -> ApiError:
    return ApiError(
        "Request rate limit exceeded. Retry with back-off.", status=429, code="rate_limit"
    )


def lock_timeout() -> ApiError:
    return ApiError(
        "This object cannot be accessed right now because another API request or Stripe process "
        "is currently accessing it. Retry the request.",
        status=429,
        code="lock_timeout",
        retry=True,
    )


def invalid_version(version: str, *, spoken: str) -> ApiError:
    return ApiError(
        f"Invalid Stripe API version: {version}. The sandbox speaks only {spoken}, as a version "
        "that Stripe knows would be answered in another shape."
    )
