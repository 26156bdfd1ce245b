"""Every deed of support that is worth money has a row, and what was asked for stays as it was."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

FORBID = """
CREATE TRIGGER wallets_deeds_are_facts BEFORE UPDATE ON wallets_adjustmentrequest
    FOR EACH ROW WHEN (
        (NEW.id, NEW.kind, NEW.wallet_id, NEW.pot, NEW.amount, NEW.facts, NEW.worth, NEW.note,
         NEW.form_key, NEW.asked_by_id, NEW.asked_at)
        IS DISTINCT FROM
        (OLD.id, OLD.kind, OLD.wallet_id, OLD.pot, OLD.amount, OLD.facts, OLD.worth, OLD.note,
         OLD.form_key, OLD.asked_by_id, OLD.asked_at)
        OR OLD.state <> 'asked')
    EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_deeds_never_deleted BEFORE DELETE ON wallets_adjustmentrequest
    FOR EACH ROW EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_deeds_never_truncated BEFORE TRUNCATE ON wallets_adjustmentrequest
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_forbid_change();
"""

ALLOW = """
DROP TRIGGER wallets_deeds_never_truncated ON wallets_adjustmentrequest;
DROP TRIGGER wallets_deeds_never_deleted ON wallets_adjustmentrequest;
DROP TRIGGER wallets_deeds_are_facts ON wallets_adjustmentrequest;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0024_a_notice_that_kills_rests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="adjustmentrequest",
            options={
                "ordering": ["-pk"],
                "permissions": [
                    ("approve_adjustment", "Can approve what another person asked for")
                ],
                "verbose_name": "deed of value",
                "verbose_name_plural": "deeds of value",
            },
        ),
        migrations.AlterModelOptions(
            name="wallet",
            options={
                "permissions": [
                    ("adjust_wallet", "Can adjust balances"),
                    ("grant_included", "Can grant Included minutes"),
                    ("set_included", "Can change how many Included minutes come with a plan"),
                    ("unblock_wallet", "Can lift a block"),
                ]
            },
        ),
        migrations.RemoveConstraint(
            model_name="adjustmentrequest",
            name="adjustment_decided_says_who_and_when",
        ),
        migrations.AddField(
            model_name="adjustmentrequest",
            name="facts",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="adjustmentrequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("adjustment", "Adjustment"),
                    ("refund", "Refund"),
                    ("rate", "Rate"),
                    ("included", "Included minutes a month"),
                ],
                db_default="adjustment",
                default="adjustment",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="adjustmentrequest",
            name="worth",
            field=models.DecimalField(decimal_places=6, max_digits=18, null=True),
        ),
        migrations.AlterField(
            model_name="adjustmentrequest",
            name="amount",
            field=models.DecimalField(decimal_places=6, max_digits=18, null=True),
        ),
        migrations.AlterField(
            model_name="adjustmentrequest",
            name="pot",
            field=models.CharField(
                blank=True,
                choices=[
                    ("credit", "Credit"),
                    ("premium", "Premium minutes"),
                    ("basic", "Basic minutes"),
                    ("included", "Included minutes"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="adjustmentrequest",
            name="state",
            field=models.CharField(
                choices=[
                    ("alone", "Done by one person"),
                    ("asked", "Waits for a second person"),
                    ("approved", "Approved and done"),
                    ("rejected", "Rejected"),
                ],
                default="asked",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="adjustmentrequest",
            name="wallet",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="adjustment_requests",
                to="wallets.wallet",
            ),
        ),
        migrations.AddIndex(
            model_name="adjustmentrequest",
            index=models.Index(
                condition=models.Q(("state", "alone")),
                fields=["asked_by", "asked_at"],
                name="done_alone_by_person",
            ),
        ),
        migrations.AddIndex(
            model_name="adjustmentrequest",
            index=models.Index(
                condition=models.Q(("state", "alone")),
                fields=["wallet", "asked_at"],
                name="done_alone_in_wallet",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decided_at", None),
                        ("decided_by", None),
                        ("state__in", ["asked", "alone"]),
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("state__in", ["approved", "rejected"]),
                    ),
                    _connector="OR",
                ),
                name="adjustment_decided_says_who_and_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount__isnull", False),
                        ("kind", "adjustment"),
                        ("wallet__isnull", False),
                        models.Q(("pot", ""), _negated=True),
                    ),
                    models.Q(
                        ("facts__isnull", False),
                        ("kind__in", ["refund", "included"]),
                        ("wallet__isnull", False),
                    ),
                    models.Q(("facts__isnull", False), ("kind", "rate")),
                    _connector="OR",
                ),
                name="deed_says_what_it_does",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustmentrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("worth__gte", 0),
                    models.Q(("worth", None), models.Q(("state", "alone"), _negated=True)),
                    _connector="OR",
                ),
                name="deed_done_alone_has_a_worth",
            ),
        ),
        migrations.RunSQL(FORBID, ALLOW),
    ]
