"""The door of support's pages: a code of the second factor (accounts/people/second_factor.py)."""

import base64
import logging

import segno
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_otp import login
from django_otp.models import Device
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.errors import AccountError, Conflict
from accounts.models import User
from accounts.people import second_factor
from accounts.runtime.askers import asker_of

logger = logging.getLogger(__name__)

WRONG_AT_FIRST = (
    "This code is wrong. Its secret is void: remove it from the app. Scan this one, and enter the "
    "code it shows."
)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a code; whoever has no device yet is sent to set one up."""
    _only_staff(request)
    after = _after(request)
    if not second_factor.is_on(user=request.user):
        return redirect("admin:second_factor_set_up")
    problem = ""
    if request.method == "POST":
        code, asker = request.POST.get("code", ""), asker_of(request)
        try:
            device = second_factor.check(user=request.user, code=code, asker=asker)
        except AccountError as error:
            problem = str(error)
        else:
            _let_in(request, device)
            return redirect(after)
    context = {"problem": problem, "next": after}
    return render(request, "staff/second_factor.html", context, status=422 if problem else 200)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Show a secret, and take the first code. Never for somebody who has a device.

    Each time the page is shown its secret is another one, so that what somebody saw before on a
    page that was left is nobody's second factor.
    """
    _only_staff(request)
    if second_factor.is_on(user=request.user):
        return redirect("admin:second_factor")
    problem = ""
    if request.method == "POST":
        if codes := _confirm(request):
            return _show_codes(request, codes)
        logger.warning("second factor refused user=%s at set-up", request.user.pk)
        problem = WRONG_AT_FIRST
    device = _new_device(request.user)
    context = {
        "problem": problem,
        "qr": segno.make(device.config_url).svg_data_uri(scale=5, border=2, light="#fff"),
        "secret": base64.b32encode(device.bin_key).decode().rstrip("="),
    }
    return render(request, "staff/set_up.html", context, status=422 if problem else 200)


@never_cache
@require_POST
def renew_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes; the old ones stop working. Whoever has no app yet sets one up."""
    try:
        codes = second_factor.renew_codes(user=request.user, asker=asker_of(request))
    except Conflict:
        return redirect("admin:second_factor_set_up")
    return _show_codes(request, codes)


@transaction.atomic
def _new_device(user: User) -> TOTPDevice:
    _lock(user)
    TOTPDevice.objects.filter(user=user, confirmed=False).delete()
    return TOTPDevice.objects.create(user=user, confirmed=False, name="Authenticator app")


@transaction.atomic
def _confirm(request: HttpRequest) -> list[str]:
    """Turn on what was shown last, if the code is its. Returns recovery codes, or none of them."""
    _lock(request.user)
    if second_factor.is_on(user=request.user):
        return []
    device = TOTPDevice.objects.filter(user=request.user, confirmed=False).order_by("-pk").first()
    if device is None or not device.verify_token(request.POST.get("code", "").strip()):
        return []
    device.confirmed = True
    device.save()
    _let_in(request, device)
    return second_factor.make_codes(user=request.user)


def _lock(user: User) -> None:
    """Two pages at once leave one secret, and two codes at once turn on one device."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _let_in(request: HttpRequest, device: Device) -> None:
    """Whoever knew the session's id before the code knows nothing now."""
    login(request, device)
    request.session.cycle_key()
    rotate_token(request)


def _show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return render(request, "staff/recovery_codes.html", {"codes": codes})


def _only_staff(request: HttpRequest) -> None:
    if not request.user.is_staff:
        raise PermissionDenied


def _after(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe and wanted.startswith("/admin/") else "/admin/"
