"""A line of the log for each log-in and log-out. Passwords that were refused: people/logins.py,
codes of the second factor: people/second_factor.py."""

import logging

from django.contrib.auth.signals import user_logged_in, user_logged_out

logger = logging.getLogger(__name__)


def _logged_in(sender: object, request: object, user: object, **kwargs: object) -> None:  # noqa: ARG001
    by = request.session.get("_auth_user_backend", "").rpartition(".")[2] if request else ""
    logger.info("logged in user=%s by=%s", user.pk, by)


def _logged_out(sender: object, request: object, user: object, **kwargs: object) -> None:  # noqa: ARG001
    if user is not None:
        logger.info("logged out user=%s", user.pk)


user_logged_in.connect(_logged_in, dispatch_uid="log of log-ins")
user_logged_out.connect(_logged_out, dispatch_uid="log of log-outs")
