"""The settings of the account, its keys, and of the person who looks."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit import seen as seen_before
from accounts.audit.seen import Overtaken, mark
from accounts.errors import AccountError, Conflict
from accounts.forms import AccountForm, ApiKeyForm, MailsForm, PasswordForm, ProfileForm
from accounts.models import Account, ApiKey, User
from accounts.pages import may, needs, numbered, require
from accounts.people import api_keys, fresh, logins, open_sessions
from accounts.people.access import Permission
from accounts.theme import remember_theme
from accounts.views import seen
from accounts.views.dialogs import add_errors, refused

_MAILS = ("muted",)


@require_http_methods(["GET", "POST"])
@needs(Permission.SEE)
def account(request: HttpRequest) -> HttpResponse:
    # A copy of its own: an invalid form must not rename the account in the shell around it.
    instance = Account.objects.get(pk=request.account.pk)
    shows = mark(instance, fields=AccountForm.Meta.fields)
    form = AccountForm(
        request.POST or None, instance=instance, read_only=not may(request, Permission.MONEY)
    )
    seen.put(request, form, shows)
    if request.method == "POST":
        require(request, Permission.MONEY)
        if form.is_valid() and _save_unless_overtaken(request, form):
            messages.success(request, "Settings saved.")
            return redirect("accounts:settings")
    return render(request, "accounts/settings.html", {"form": form}, status=_status(form))


@require_http_methods(["GET", "POST"])
@needs(Permission.SEE)
def keys(request: HttpRequest) -> HttpResponse:
    """List the account's keys. A POST makes one and shows it, this once."""
    form = ApiKeyForm(request.POST or None)
    if request.method == "POST":
        require(request, Permission.MONEY)
        if form.is_valid():
            try:
                _, secret = api_keys.create(
                    account=request.account,
                    name=form.cleaned_data["name"],
                    scopes=form.cleaned_data["scopes"],
                    created_by=request.user,
                    expires_at=form.expires_at(),
                    addresses=form.cleaned_data["addresses"],
                )
            except AccountError as error:
                add_errors(form, error)
            else:
                return _keys_page(request, form=ApiKeyForm(), secret=secret)
    return _keys_page(request, form=form)


@require_POST
@needs(Permission.MONEY)
def rotate_key(request: HttpRequest, key_id: int) -> HttpResponse:
    """Make a key in this one's place, and show it, this once."""
    try:
        _, secret = api_keys.rotate(key_id=key_id, account=request.account, rotated_by=request.user)
    except Conflict as error:
        return refused(request, back=reverse("accounts:api_keys"), error=error)
    return _keys_page(request, form=ApiKeyForm(), secret=secret)


def _keys_page(request: HttpRequest, *, form: ApiKeyForm, secret: str = "") -> HttpResponse:
    rows = ApiKey.objects.filter(account=request.account)
    shown = numbered(request, rows.select_related("created_by", "replaced_by").order_by("-pk"))
    live = {key.pk for key in shown if api_keys.is_live(key=key)}
    context = {"form": form, "secret": secret, "keys": shown, "live": live}
    return render(request, "accounts/api_keys.html", context, status=_status(form))


@require_POST
@needs(Permission.MONEY)
def revoke_key(request: HttpRequest, key_id: int) -> HttpResponse:
    api_keys.revoke(key_id=key_id, account=request.account)
    messages.success(request, "API key revoked. It stopped working.")
    return redirect("accounts:api_keys")


@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    form = _profile_form(request, request.POST or None)
    if request.method == "POST" and form.is_valid() and _save_unless_overtaken(request, form):
        messages.success(request, "Profile saved.")
        return remember_theme(redirect("accounts:profile"), form.cleaned_data["theme"])
    return _profile_page(request, form=form, password_form=PasswordForm(request))


@require_POST
def mails(request: HttpRequest) -> HttpResponse:
    """Which mails this person wants, of every account they belong to."""
    form = MailsForm(request.POST, muted=request.user.muted)
    if form.is_valid():
        person = User.objects.get(pk=request.user.pk)
        person.muted = form.muted()
        try:
            seen_before.save(person, fields=_MAILS, seen=seen.sent(request))
        except Overtaken as error:
            messages.error(request, str(seen.refusal(request, error)))
        else:
            messages.success(request, "E-mails saved.")
    else:
        messages.error(request, "Choose from the list. Nothing was changed.")
    return redirect("accounts:profile")


@require_POST
def password(request: HttpRequest) -> HttpResponse:
    """Change the password. Every other session of this person ends."""
    form = PasswordForm(request, request.POST)
    if form.is_valid():
        form.save()
        update_session_auth_hash(request, request.user)
        # Under its new key, or it would be one of the others.
        open_sessions.note(request, user=request.user)
        open_sessions.end_all(user=request.user, but=request.session.session_key)
        logins.forget_codes(user=request.user)
        fresh.mark(request.session)
        messages.success(request, "Password changed. You are logged out everywhere else.")
        return redirect("accounts:profile")
    return _profile_page(request, form=_profile_form(request), password_form=form)


def _profile_form(request: HttpRequest, sent: QueryDict | None = None) -> ProfileForm:
    person = User.objects.get(pk=request.user.pk)
    shows = mark(person, fields=ProfileForm.Meta.fields)
    form = ProfileForm(sent, instance=person)
    seen.put(request, form, shows)
    return form


def _profile_page(
    request: HttpRequest, *, form: ProfileForm, password_form: PasswordForm
) -> HttpResponse:
    mails_form = MailsForm(muted=request.user.muted)
    mails_form.seen = mark(request.user, fields=_MAILS)
    context = {"form": form, "password_form": password_form, "mails_form": mails_form}
    return render(request, "accounts/profile.html", context, status=_status(form, password_form))


def _save_unless_overtaken(request: HttpRequest, form: AccountForm | ProfileForm) -> bool:
    """Save what was typed; else the form says who was faster, and is shown again."""
    fields = form.Meta.fields
    try:
        seen_before.save(form.instance, fields=fields, seen=seen.sent(request))
    except Overtaken as error:
        now = form.Meta.model.objects.filter(pk=form.instance.pk).values(*fields).get()
        seen.come_back(request, form, error, now=now)
        return False
    return True


def _status(*forms) -> int:
    return 422 if any(form.is_bound and form.errors for form in forms) else 200
