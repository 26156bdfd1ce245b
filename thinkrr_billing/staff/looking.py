"""Looking as a customer: for those allowed, with a strip on every page, logged, and only looking.

That nothing can be changed meanwhile is held in one place, `accounts.middleware`."""

import logging
from itertools import chain

from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from hijack.signals import hijack_ended, hijack_started
from hijack.views import AcquireUserView, ReleaseUserView

from accounts import clock
from accounts.cells import directory
from accounts.models import Account, Membership, StaffAction, User
from accounts.people import fresh
from accounts.runtime.addresses import client_ip

logger = logging.getLogger(__name__)

LOOK = "accounts.look_as_customer"


def may_look(*, hijacker: User, hijacked: User) -> bool:
    """Staff with the right and a second factor may look as customers; never as staff."""
    return (
        hijacker.is_staff
        and hijacker.is_verified()
        and hijacker.has_perm(LOOK)
        and hijacked.is_active
        and not hijacked.is_staff
        and not hijacked.is_superuser
    )


class Begin(AcquireUserView):
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        request.looked_at = _accounts_of(request.POST.get("user_pk", ""))
        return super().dispatch(request, *args, **kwargs)


class End(ReleaseUserView):
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        request.looked_at = _accounts_of(str(request.user.pk))
        return super().dispatch(request, *args, **kwargs)


def _accounts_of(pk: str) -> list[Account]:
    """Where the customer works. Read before the transaction of the view: it is of one cell."""
    if not pk.isdecimal():
        return []
    seats = Membership.objects.filter(user_id=pk).select_related("account")
    found = directory.where_seated(int(pk), lambda _: [seat.account for seat in seats.all()])
    return list(chain.from_iterable(found))


@receiver(hijack_started)
def _began(request: HttpRequest, hijacker: User, hijacked: User, **kwargs: object) -> None:
    # It was a log-in to Django, and nobody typed a password.
    fresh.forget(request.session)
    _note(request, hijacker, hijacked, "look as customer", "Began to look.")


@receiver(hijack_ended)
def _ended(request: HttpRequest, hijacker: User, hijacked: User, **kwargs: object) -> None:
    fresh.forget(request.session)
    _note(request, hijacker, hijacked, "stop looking", "Stopped looking.")


def _note(request: HttpRequest, staff: User, customer: User, kind: str, result: str) -> None:
    """One line a working place of the customer, so that each account's timeline shows it."""
    now = clock.now()
    for account in request.looked_at or [None]:
        StaffAction.objects.create(
            actor=staff,
            account=account,
            kind=kind.replace(" ", "_"),
            subject=f"user {customer.email}",
            reason=request.POST.get("reason", "").strip()[:200] or "To see what the customer sees",
            state=StaffAction.State.DONE,
            result=result,
            address=client_ip(request),
            request_id=getattr(request, "id", ""),
            created_at=now,
            closed_at=now,
        )
    logger.info("%s staff=%s customer=%s", kind, staff.pk, customer.pk)
