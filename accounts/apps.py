from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.runtime import crash_points
        from accounts.telling import mail_topics

        crash_points.arm_from_environment()
        mail_topics.offer(
            "people",
            label="Changes of members, API keys and the account",
            kinds={"members_changed", "api_keys_changed", "account_status"},
        )
