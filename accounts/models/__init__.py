"""People and the accounts they work for, the keys of machines, and what both are told.

Nothing here knows money. Who may do what is decided in `accounts.people.access`."""

from accounts.models.accounts import Account, Invitation, Membership, Role, validate_timezone
from accounts.models.asked_mails import InvitationSent, PasswordReset
from accounts.models.cells import Cell, CellOfAccount, CellOfCustomer, CellOfPerson
from accounts.models.changes import Change, Numbering
from accounts.models.kept_answers import KeptAnswer
from accounts.models.keys import ApiKey, Scope
from accounts.models.notices import AgencyNotice, Level, Notification, StaffAlert
from accounts.models.people import FailedLogin, Theme, User
from accounts.models.security import OpenSession, RecoveryCode, SecurityMail
from accounts.models.staff import AuditEntry, JobRun, StaffAction
from accounts.models.waiting import InSteps, QueueEmptied, Tried, Waiting
from accounts.models.webhooks import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    WebhookSender,
)

__all__ = [
    "Account",
    "AgencyNotice",
    "ApiKey",
    "AuditEntry",
    "Cell",
    "CellOfAccount",
    "CellOfCustomer",
    "CellOfPerson",
    "Change",
    "FailedLogin",
    "InSteps",
    "Invitation",
    "InvitationSent",
    "JobRun",
    "KeptAnswer",
    "Level",
    "Membership",
    "Notification",
    "Numbering",
    "OpenSession",
    "PasswordReset",
    "QueueEmptied",
    "RecoveryCode",
    "Role",
    "Scope",
    "SecurityMail",
    "StaffAction",
    "StaffAlert",
    "Theme",
    "Tried",
    "User",
    "Waiting",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "WebhookSender",
    "validate_timezone",
]
