"""Logging in and out, the code after it, forgotten passwords, and accepting invitations."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_otp import login as mark_as_verified

from accounts.cells import place
from accounts.errors import AccountError, TooMany
from accounts.forms import CodeForm, ForgottenForm, JoinForm, LogInForm
from accounts.middleware import SESSION_KEY
from accounts.models import User
from accounts.people import (
    halfway,
    logins,
    members,
    open_sessions,
    resets,
    seats,
    second_factor,
)
from accounts.runtime.addresses import client_ip
from accounts.theme import remember_theme

BACKEND = "django.contrib.auth.backends.ModelBackend"
ASKED_TOO_LATE = "Enter your password once more: the code comes within ten minutes of it."


class LogIn(views.LoginView):
    form_class = LogInForm
    template_name = "accounts/login.html"

    def form_valid(self, form: LogInForm) -> HttpResponse:
        """Logged in, unless there is a second factor: then not before its code."""
        user = form.get_user()
        if second_factor.is_on(user=user):
            halfway.begin(self.request.session, user=user, after=self.get_success_url())
            return redirect("accounts:login_code")
        return remember_theme(super().form_valid(form), user.theme)


@never_cache
@login_not_required
@require_http_methods(["GET", "POST"])
def enter_code(request: HttpRequest) -> HttpResponse:
    """After the password: log in whoever shows their second factor, under a new session key."""
    waiting = halfway.of(request.session)
    if waiting is None:
        messages.warning(request, ASKED_TOO_LATE)
        return redirect("accounts:login")
    sent = request.POST if request.method == "POST" else None
    form = CodeForm(request, sent, user=waiting.user)
    if form.is_valid():
        halfway.end(request.session)
        login(request, waiting.user, backend=BACKEND)
        if waiting.user.is_staff:
            # Support's pages ask for no second code.
            mark_as_verified(request, form.device)
        return remember_theme(redirect(waiting.after), waiting.user.theme)
    status = 422 if form.errors else 200
    return render(request, "accounts/login_code.html", {"form": form}, status=status)


class LogOut(views.LogoutView):
    next_page = reverse_lazy("accounts:login")


class PasswordReset(views.PasswordResetView):
    form_class = ForgottenForm
    template_name = "accounts/password_reset.html"
    success_url = reverse_lazy("accounts:password_reset_done")

    def form_valid(self, form: ForgottenForm) -> HttpResponse:
        """The same answer on the same way, whether anybody has this address or not."""
        try:
            resets.ask(email=form.cleaned_data["email"], ip=client_ip(self.request))
        except TooMany as error:
            form.add_error(None, str(error))
            page = self.get_context_data(form=form)
            return self.render_to_response(page, status=error.status)
        return redirect(self.get_success_url())


class PasswordResetDone(views.PasswordResetDoneView):
    template_name = "accounts/password_reset_done.html"


class PasswordResetConfirm(views.PasswordResetConfirmView):
    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("accounts:password_reset_complete")

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        response = super().form_valid(form)
        open_sessions.end_all(user=form.user)
        logins.forget_codes(user=form.user)
        return response


class PasswordResetComplete(views.PasswordResetCompleteView):
    template_name = "accounts/password_reset_complete.html"


@login_not_required
@require_http_methods(["GET", "POST"])
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Join with a new log-in, or with the one that already has the invited address."""
    _enter_cell(token)
    invitation = members.find_invitation(token=token)
    context = {"invitation": invitation, "token": token}
    if request.user.is_authenticated or User.objects.filter(email=invitation.email).exists():
        return _accept_as_known_user(request, token, context)
    form = JoinForm(request.POST or None, email=invitation.email)
    if request.method == "POST" and form.is_valid():
        try:
            user = members.accept_as_new_user(token=token, **form.cleaned_data)
        except AccountError as error:
            form.add_error(None, str(error))
        else:
            login(request, user, backend=BACKEND)
            request.session[SESSION_KEY] = str(invitation.account_id)
            return redirect("/")
    status = 422 if form.errors else 200
    return render(request, "accounts/join.html", {**context, "form": form}, status=status)


@login_not_required
@never_cache
@require_POST
def invitation_opened(request: HttpRequest, token: str) -> HttpResponse:  # noqa: ARG001
    """Told by the page itself once it is shown: programs that look into mails run no script."""
    _enter_cell(token)
    seats.note_opened(token=token)
    return HttpResponse(status=204)


def _enter_cell(token: str) -> None:
    """Whoever follows a link may work elsewhere, or nowhere yet."""
    if settings.CELLS:
        place.enter(members.cell_of(token=token))


def _accept_as_known_user(request: HttpRequest, token: str, context: dict) -> HttpResponse:
    invited = context["invitation"].email
    context["is_invited"] = request.user.is_authenticated and request.user.email == invited
    if request.method == "POST" and request.user.is_authenticated:
        account = members.accept(token=token, user=request.user)
        request.session[SESSION_KEY] = str(account.pk)
        return redirect("/")
    return render(request, "accounts/join_known.html", context)
