"""Keep who sold and who bought as they were when a purchase was paid, and who sells by country."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.clock

FORBID = "".join(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER {table}_never_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_forbid_change();
"""
    for table in ("wallets_parties", "wallets_seller")
)
ALLOW = "".join(
    f"""
DROP TRIGGER {table}_never_truncated ON {table};
DROP TRIGGER {table}_append_only ON {table};
"""
    for table in ("wallets_parties", "wallets_seller")
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_billing_country"),
        ("wallets", "0029_notes_for_customers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Parties",
            fields=[
                (
                    "purchase",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="parties",
                        serialize=False,
                        to="wallets.purchase",
                    ),
                ),
                ("seller_name", models.CharField(max_length=120)),
                ("seller_address", models.CharField(blank=True, max_length=400)),
                ("seller_tax_id", models.CharField(blank=True, max_length=40)),
                ("tax_sentence", models.CharField(max_length=200)),
                ("buyer_name", models.CharField(max_length=120)),
                ("buyer_address", models.CharField(blank=True, max_length=400)),
                ("buyer_country", models.CharField(blank=True, max_length=2)),
                ("buyer_tax_id", models.CharField(blank=True, max_length=40)),
            ],
            options={
                "verbose_name_plural": "parties",
            },
        ),
        migrations.CreateModel(
            name="Seller",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}\\Z", "Write the country as two capital letters, like US."
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("address", models.CharField(blank=True, max_length=400)),
                ("tax_id", models.CharField(blank=True, max_length=40, verbose_name="tax id")),
                ("tax_sentence", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["country", "-pk"],
                "permissions": [("set_seller", "Can set who sells, as it stands on papers")],
                "indexes": [models.Index(fields=["country", "-id"], name="sellers_by_country")],
            },
        ),
        migrations.RunSQL(FORBID, ALLOW),
    ]
