"""Remember that an account was asked whom to bill: once, before its first payment."""

from django.db import migrations, models

from accounts.audited import unwatch, watch

TABLE, ITSELF = "accounts_account", "SELECT ($1->>'id')::uuid"


def watched(ignored: str) -> str:
    return unwatch(TABLE) + watch(TABLE, ignored, account=ITSELF)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_changes_in_order")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="billing_asked_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        # Whether it was asked is no setting; what was answered is noted.
        migrations.RunSQL(watched("billing_asked_at"), watched("")),
    ]
