from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.audit import log_ins, requests  # noqa: F401
        from accounts.people import fresh, members, open_sessions  # noqa: F401
        from accounts.runtime import crash_points
        from accounts.telling import mail_topics, mails  # noqa: F401
        from accounts.webhooks import own_events, waking  # noqa: F401

        crash_points.arm_from_environment()
        requests.watch(
            "accounts_user",
            "accounts_user_groups",
            "accounts_user_user_permissions",
            "accounts_account",
            "accounts_membership",
            "accounts_apikey",
            "accounts_invitation",
            "accounts_recoverycode",
            "accounts_webhookendpoint",
            "auth_group",
            "auth_group_permissions",
            "otp_totp_totpdevice",
            "otp_static_staticdevice",
            "otp_static_statictoken",
        )
        fresh.ask_before(
            "accounts:api_keys",
            "accounts:rotate_key",
            "accounts:revoke_key",
            "accounts:webhooks",
            "accounts:webhook",
            "accounts:webhook_rotate",
            "accounts:invite",
            "accounts:change_role",
            "accounts:remove_member",
            "accounts:withdraw_invitation",
            "accounts:end_session",
            "accounts:end_other_sessions",
        )
        mail_topics.offer(
            "people",
            label="Changes of members, API keys and the account",
            kinds={"members_changed", "api_keys_changed", "account_status"},
        )
