"""Everything that can be refused about campaigns and calls, one class per remedy.

Each error is a sentence for the person who asked, and promises that nothing was changed.
"""

from accounts.errors import AccountError
from accounts.limits import REPEAT_AFTER_SECONDS


class CampaignError(AccountError):
    """An operation on a campaign was refused. Nothing was changed."""


class UnknownCampaign(CampaignError):
    """The account has no such campaign."""

    code = "unknown_campaign"
    status = 404


class InvalidCampaign(CampaignError):
    """What was sent about a campaign cannot be used. `fields` says which part."""

    code = "invalid"
    status = 422


class CannotRun(CampaignError):
    """The campaign may not start or resume now. `code` says why."""

    status = 409

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class WrongStatus(CampaignError):
    """A campaign in this status cannot take that step."""

    code = "wrong_status"
    status = 409


class Busy(CampaignError):
    """Others were writing the same rows. Sending the same again helps: nothing was recorded."""

    code = "busy"
    status = 503
    retry_after = REPEAT_AFTER_SECONDS
