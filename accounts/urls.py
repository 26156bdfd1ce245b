from django.urls import path

from accounts.views import login, members, settings, shell

app_name = "accounts"

urlpatterns = [
    path("login/", login.LogIn.as_view(), name="login"),
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
    path("accounts/switch/", shell.switch, name="switch"),
    path("notifications/", shell.notification_list, name="notifications"),
    path("notifications/read/", shell.mark_read, name="mark_read"),
    path("settings/", settings.account, name="settings"),
    path("settings/api-keys/", settings.keys, name="api_keys"),
    path("settings/api-keys/<int:key_id>/revoke/", settings.revoke_key, name="revoke_key"),
    path("settings/api-keys/<int:key_id>/rotate/", settings.rotate_key, name="rotate_key"),
    path("settings/profile/", settings.profile, name="profile"),
    path("settings/profile/mails/", settings.mails, name="mails"),
    path("settings/profile/password/", settings.password, name="password"),
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
