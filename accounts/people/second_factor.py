"""The second factor of customers and staff: a code of an authenticator app, or a recovery code.

Each code works once, and each try is counted (`logins.trying_code`). Doors ask `check`."""

import base64
import logging
import re
import secrets
import time

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import transaction
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex

from accounts import clock
from accounts.errors import Conflict, Forbidden, Invalid, TooMany
from accounts.models import RecoveryCode, SecurityMail, User
from accounts.people import logins
from accounts.runtime.askers import Asker
from accounts.telling import security

logger = logging.getLogger(__name__)

RECOVERY_CODES = 10
# Digits, as the keypad of a phone has them: 40 random bits, and ten wrong ones are the most.
RECOVERY_DIGITS = 12
# All ten are hashed on the page that shows them, and looked through at a log-in: 20 ms each.
HASH_ITERATIONS = 20_000
SECRET_BYTES = 20

WRONG = (
    "This code is wrong or was used before. Wait until your app shows the next one, or enter a "
    "recovery code."
)
WRONG_AT_FIRST = (
    "This is not the code of the secret above. Look whether the app has this one, and enter the "
    "code it shows now."
)
NOT_ON = "Two-factor log-in is off. Nothing was changed."
IS_ON = "Two-factor log-in is on already. Nothing was changed."
STAFF_KEEP_IT = "Support staff cannot be without a second factor. Nothing was changed."

_CODE = re.compile(r"\d{6}", re.ASCII)
# RECOVERY_DIGITS of them.
_RECOVERY_CODE = re.compile(r"\d{12}", re.ASCII)
# Staff's of before, until they make new ones.
_OLD_CODE = re.compile(r"[a-z2-9]{10}", re.ASCII)
_hasher = PBKDF2PasswordHasher()


def is_on(*, user: User) -> bool:
    """Whether this person confirmed one."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


def codes_left(*, user: User) -> int:
    return RecoveryCode.objects.filter(user=user).count()


def new_secret() -> str:
    """A secret for an app, in hexadecimal. It counts once `turn_on` was given its code."""
    return random_hex(SECRET_BYTES)


def address(*, user: User, secret: str) -> str:
    """What the QR code says to the app."""
    return TOTPDevice(user=user, key=secret).config_url


def in_letters(*, secret: str) -> str:
    """As people type it into an app: groups of four."""
    text = base64.b32encode(bytes.fromhex(secret)).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def turn_on(*, user: User, secret: str, code: str, asker: Asker) -> list[str]:
    """From now on this app is asked at log-in. Answers with the recovery codes, shown once.

    Raises Invalid when the code is not the secret's, TooMany, and Conflict when it is on already.
    """
    with logins.trying_code(user=user, ip=asker.ip):
        return _turn_on(user=user, secret=secret, code=code, asker=asker)


@transaction.atomic
def _turn_on(*, user: User, secret: str, code: str, asker: Asker) -> list[str]:
    _lock(user)
    if is_on(user=user):
        raise Conflict(IS_ON)
    device = TOTPDevice(user=user, key=secret, name="Authenticator app", confirmed=True)
    if not secret or not _is_of(device, _plain(code)):
        logger.warning("second factor refused user=%s at set-up", user.pk)
        raise Invalid(WRONG_AT_FIRST, fields={"code_again": WRONG_AT_FIRST})
    device.save()
    security.tell(user=user, kind=SecurityMail.Kind.TURNED_ON, asker=asker)
    return make_codes(user=user)


def check(*, user: User, code: str, asker: Asker) -> TOTPDevice:
    """Take a code of the app, or a recovery code. Each works once, of two at once for one.

    Raises Invalid when it is wrong or was used, TooMany after too many of those, and Conflict
    when there is no second factor. A recovery code that was used, and too many wrong ones, are
    told by mail.
    """
    try:
        with logins.trying_code(user=user, ip=asker.ip):
            return _check(user=user, code=code, asker=asker)
    except TooMany:
        security.warn_of_guesses(user=user, asker=asker)
        raise


@transaction.atomic
def _check(*, user: User, code: str, asker: Asker) -> TOTPDevice:
    _lock(user)
    device = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    if device is None:
        raise Conflict(NOT_ON)
    plain = _plain(code)
    if _is_of(device, plain):
        device.save(update_fields=["last_t", "drift", "last_used_at"])
    elif _take_recovery_code(user, plain):
        security.tell(user=user, kind=SecurityMail.Kind.CODE_USED, asker=asker)
    else:
        logger.warning("second factor refused user=%s", user.pk)
        raise Invalid(WRONG)
    logger.info("second factor accepted user=%s", user.pk)
    return device


@transaction.atomic
def renew_codes(*, user: User, asker: Asker) -> list[str]:
    """New recovery codes, shown once; the old ones are void. Conflict without a second factor."""
    _lock(user)
    if not is_on(user=user):
        raise Conflict(NOT_ON)
    security.tell(user=user, kind=SecurityMail.Kind.CODES_MADE, asker=asker)
    return make_codes(user=user)


def make_codes(*, user: User) -> list[str]:
    """In place of those of before. For whoever has just shown that they are the person."""
    RecoveryCode.objects.filter(user=user).delete()
    StaticToken.objects.filter(device__user=user).delete()
    codes = [_random_code() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(
            user=user, code_hash=_hasher.encode(_plain(code), _hasher.salt(), HASH_ITERATIONS)
        )
        for code in codes
    )
    return codes


def turn_off(*, user: User, asker: Asker) -> None:
    """Log-in asks for the password only. Raises Forbidden for staff, Conflict when it is off."""
    _remove(user=user, kind=SecurityMail.Kind.TURNED_OFF, asker=asker)


def remove_for(*, user: User) -> None:
    """Support takes it away from somebody who lost it. Raises Forbidden for staff, and Conflict
    when there is none."""
    _remove(user=user, kind=SecurityMail.Kind.REMOVED, asker=None)


@transaction.atomic
def _remove(*, user: User, kind: str, asker: Asker | None) -> None:
    if user.is_staff:
        raise Forbidden(STAFF_KEEP_IT)
    _lock(user)
    removed, _ = TOTPDevice.objects.filter(user=user).delete()
    if not removed:
        raise Conflict(NOT_ON)
    RecoveryCode.objects.filter(user=user).delete()
    security.tell(user=user, kind=kind, asker=asker)


def _lock(user: User) -> None:
    """Of two codes at once the second sees what the first has used."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _is_of(device: TOTPDevice, code: str) -> bool:
    """Whether the app shows this code, and no later one was used. Notes it on the device."""
    if not _CODE.fullmatch(code):
        return False
    app = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    app.time = time.time()
    if not app.verify(int(code), device.tolerance, device.last_t + 1):
        return False
    device.last_t, device.drift, device.last_used_at = app.t(), app.drift, clock.now()
    return True


def _take_recovery_code(user: User, code: str) -> bool:
    if _OLD_CODE.fullmatch(code):
        return StaticToken.objects.filter(device__user=user, token=code).delete()[0] > 0
    if not _RECOVERY_CODE.fullmatch(code):
        return False
    for row in RecoveryCode.objects.filter(user=user):
        if _hasher.verify(code, row.code_hash):
            row.delete()
            return True
    return False


def _random_code() -> str:
    digits = f"{secrets.randbelow(10**RECOVERY_DIGITS):0{RECOVERY_DIGITS}d}"
    return "-".join(digits[at : at + 4] for at in range(0, RECOVERY_DIGITS, 4))


def _plain(code: str) -> str:
    """As it is compared: however it was grouped and in any case."""
    return re.sub(r"[\s-]", "", code).lower()
