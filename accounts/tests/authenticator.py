"""An authenticator app, and people who use one."""

import time
from types import SimpleNamespace
from unittest import mock

from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import User
from accounts.people import second_factor
from accounts.runtime.askers import Asker
from accounts.tests.builders import PASSWORD

HERE = Asker(ip="192.0.2.7", browser="Firefox on Linux")


def code_of(secret: str, *, steps: int = 0) -> str:
    """What the app shows now, or `steps` half minutes from now."""
    app = TOTP(bytes.fromhex(secret), drift=steps)
    app.time = time.time()
    return f"{app.token():06d}"


def code_of_device(device: TOTPDevice, *, steps: int = 0) -> str:
    """The same for an app whose clock differs by what the device has noted."""
    return code_of(device.key, steps=device.drift + steps)


def next_code(user: User, *, steps: int = 1) -> str:
    """One that was not used yet: apps and servers may differ by half a minute."""
    return code_of(TOTPDevice.objects.get(user=user, confirmed=True).key, steps=steps)


def turn_on(user: User) -> list[str]:
    """With a code of half a minute ago, so that this one and the next are there to be used.
    Answers with the recovery codes."""
    secret = second_factor.new_secret()
    # The server looks in the same half minute, however long it takes to come to it.
    now = time.time()
    with mock.patch.object(second_factor, "time", SimpleNamespace(time=lambda: now)):
        code = code_of(secret, steps=-1)
        codes = second_factor.turn_on(user=user, secret=secret, code=code, asker=HERE)
    # The drift that was noted with it would be that of the next ones.
    TOTPDevice.objects.filter(user=user).update(drift=0)
    return codes


def wrong_code(user: User) -> str:
    """None of the codes that may be right now."""
    right = {next_code(user, steps=steps) for steps in range(-3, 4)}
    return next(code for number in range(10) if (code := f"{number:06d}") not in right)


def enter_password(client: Client, user: User, **form: str):
    return client.post("/login/", {"username": user.email, "password": PASSWORD, **form})
