from django.urls import path

from accounts.views import login, members, security, settings, shell, webhooks

app_name = "accounts"

urlpatterns = [
    path("login/", login.LogIn.as_view(), name="login"),
    path("login/code/", login.enter_code, name="login_code"),
    path("logout/", login.LogOut.as_view(), name="logout"),
    path("password-reset/", login.PasswordReset.as_view(), name="password_reset"),
    path("password-reset/sent/", login.PasswordResetDone.as_view(), name="password_reset_done"),
    path(
        "password-reset/<uidb64>/<token>/",
        login.PasswordResetConfirm.as_view(),
        name="password_reset_confirm",
    ),
    path(
        "password-reset/done/",
        login.PasswordResetComplete.as_view(),
        name="password_reset_complete",
    ),
    path("invitations/<str:token>/", login.accept_invitation, name="accept_invitation"),
    path("invitations/<str:token>/opened/", login.invitation_opened, name="invitation_opened"),
    path("accounts/switch/", shell.switch, name="switch"),
    path("notifications/", shell.notification_list, name="notifications"),
    path("notifications/read/", shell.mark_read, name="mark_read"),
    path("settings/", settings.account, name="settings"),
    path("settings/api-keys/", settings.keys, name="api_keys"),
    path("settings/api-keys/<int:key_id>/revoke/", settings.revoke_key, name="revoke_key"),
    path("settings/api-keys/<int:key_id>/rotate/", settings.rotate_key, name="rotate_key"),
    path("settings/webhooks/", webhooks.webhooks, name="webhooks"),
    path("settings/webhooks/<uuid:endpoint_id>/", webhooks.webhook, name="webhook"),
    path("settings/webhooks/<uuid:endpoint_id>/rotate/", webhooks.rotate, name="webhook_rotate"),
    path("settings/webhooks/<uuid:endpoint_id>/pause/", webhooks.pause, name="webhook_pause"),
    path("settings/webhooks/<uuid:endpoint_id>/resume/", webhooks.resume, name="webhook_resume"),
    path("settings/webhooks/<uuid:endpoint_id>/test/", webhooks.test, name="webhook_test"),
    path("settings/webhooks/<uuid:endpoint_id>/delete/", webhooks.remove, name="webhook_remove"),
    path(
        "settings/webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/",
        webhooks.delivery,
        name="webhook_delivery",
    ),
    path(
        "settings/webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/resend/",
        webhooks.resend,
        name="webhook_resend",
    ),
    path("settings/profile/", settings.profile, name="profile"),
    path("settings/profile/mails/", settings.mails, name="mails"),
    path("settings/profile/password/", settings.password, name="password"),
    path("settings/security/", security.overview, name="security"),
    path("settings/security/second-factor/", security.turn_on, name="second_factor"),
    path(
        "settings/security/second-factor/off/",
        security.turn_off,
        name="turn_off_second_factor",
    ),
    path("settings/security/recovery-codes/", security.renew_codes, name="recovery_codes"),
    path(
        "settings/security/sessions/<int:session_id>/end/",
        security.end_session,
        name="end_session",
    ),
    path(
        "settings/security/sessions/end-others/",
        security.end_other_sessions,
        name="end_other_sessions",
    ),
    path("settings/members/", members.member_list, name="members"),
    path("settings/members/invite/", members.invite, name="invite"),
    path("settings/members/<int:user_id>/role/", members.change_role, name="change_role"),
    path("settings/members/<int:user_id>/remove/", members.remove, name="remove_member"),
    path(
        "settings/members/invitations/<int:invitation_id>/withdraw/",
        members.withdraw,
        name="withdraw_invitation",
    ),
]
