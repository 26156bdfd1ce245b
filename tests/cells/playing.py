"""Plays the steps one after the other; what fails is told, and the next is played."""

import logging
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import django

from tests.cells.nodes import FIRST, SECOND, Nodes
from thinkrr_billing.sandbox.stripe.process import StripeSandbox


class Broken(AssertionError):
    """A promise that does not hold on Citus. The text says which."""


def insist(holds: bool, sentence: str) -> None:
    if not holds:
        raise Broken(sentence)


def play(nodes: Nodes, stripe: StripeSandbox) -> int:
    """1 when one of them is broken. A line for each."""
    django.setup()
    from django.conf import settings

    from tests.cells import losing, moving, story, together
    from thinkrr_billing.celery import app

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ALLOWED_HOSTS = ["testserver"]
    # Nobody works on what is nudged: each step does what a worker would.
    app.conf.broker_url = "memory://"
    logging.disable(logging.CRITICAL)
    told = [story.Story(nodes, stripe, cell) for cell in (FIRST, SECOND)]
    played = []
    for steps in zip(*(one.steps() for one in told), strict=True):
        with ThreadPoolExecutor(len(told)) as both:
            played += both.map(_played, steps, [one.cell for one in told])
    for module in (together, moving, losing):
        played += [_played(step) for step in module.steps(nodes, told)]
    return int(not all(played))


def _played(step: Callable[[], str | None], cell: str = "") -> bool:
    """In this cell, if one is given."""
    from django.db import connection

    from accounts.cells.place import inside

    name = " ".join(filter(None, [cell and f"{cell}:", step.__name__.replace("_", " ")]))
    began = time.monotonic()
    try:
        with inside(cell):
            said = step()
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()][:4]
        print(f"BROKEN {name}: {type(error).__name__}: {' | '.join(lines)}"[:900], flush=True)
        if not isinstance(error, Broken):
            where = traceback.extract_tb(error.__traceback__)
            print(f"    {where[-1].filename.rpartition('/')[2]}:{where[-1].lineno}", flush=True)
        return False
    finally:
        connection.close()
    print(f"ok {time.monotonic() - began:5.1f} s {name}{f': {said}' if said else ''}", flush=True)
    return True
