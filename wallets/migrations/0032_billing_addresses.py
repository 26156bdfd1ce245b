"""Addresses that get papers by mail, and each paper that is mailed to one: put on the list by
triggers, in the transaction that pays or refunds, whoever writes the row."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import accounts.clock
import accounts.models.accounts
from accounts.audited import unwatch, watch

TABLE = "wallets_billingaddress"
# What it waits for next is not worth a note, and the nonce makes its links.
AUDITED = watch(TABLE, ignored="statement_month,statement_due_at", secret="nonce")

POST = """
CREATE FUNCTION wallets_post_paper(kind text, paid uuid, back uuid, at timestamptz) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO wallets_papermail
        (address_id, kind, purchase_id, reversal_id, created_at, look_at, mail_due_at,
         mail_attempts, tries)
    SELECT address.id, kind, CASE WHEN back IS NULL THEN paid END, back, at, at, at, 0, 0
    FROM wallets_purchase AS purchase
    JOIN wallets_billingaddress AS address ON address.account_id = purchase.payer_id
    WHERE purchase.id = paid AND address.wants_receipts AND address.confirmed_at IS NOT NULL
        AND address.removed_at IS NULL AND address.refused_at IS NULL
    ORDER BY address.id
    ON CONFLICT DO NOTHING;
$$;
CREATE FUNCTION wallets_post_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM wallets_post_paper('receipt', NEW.purchase_id, NULL, closed_at)
        FROM wallets_purchase WHERE id = NEW.purchase_id AND closed_at IS NOT NULL;
    RETURN NULL;
END;
$$;
CREATE TRIGGER wallets_receipts_posted AFTER INSERT ON wallets_parties
    FOR EACH ROW EXECUTE FUNCTION wallets_post_receipt();
CREATE FUNCTION wallets_post_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    numbered boolean := TG_OP = 'UPDATE' AND OLD.credit_note_number IS NOT NULL;
BEGIN
    IF NEW.credit_note_number IS NULL THEN
        RETURN NULL;
    ELSIF NOT numbered THEN
        PERFORM wallets_post_paper(
            'credit_note', NEW.purchase_id, NEW.id, coalesce(NEW.closed_at, clock_timestamp()));
    END IF;
    IF numbered AND NEW.state = 'failed' AND OLD.state <> 'failed' THEN
        PERFORM wallets_post_paper(
            'void', NEW.purchase_id, NEW.id, coalesce(NEW.closed_at, clock_timestamp()));
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER wallets_credit_notes_posted AFTER INSERT OR UPDATE ON wallets_reversal
    FOR EACH ROW EXECUTE FUNCTION wallets_post_credit_note();
"""
FORGET = """
DROP TRIGGER wallets_credit_notes_posted ON wallets_reversal;
DROP FUNCTION wallets_post_credit_note();
DROP TRIGGER wallets_receipts_posted ON wallets_parties;
DROP FUNCTION wallets_post_receipt();
DROP FUNCTION wallets_post_paper(text, uuid, uuid, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_billing_is_asked_for_once"),
        ("wallets", "0031_changes_in_order"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BillingAddress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail")),
                (
                    "wants_receipts",
                    models.BooleanField(default=True, verbose_name="receipts and credit notes"),
                ),
                (
                    "wants_statements",
                    models.BooleanField(default=True, verbose_name="monthly statements"),
                ),
                (
                    "nonce",
                    models.CharField(
                        default=accounts.models.accounts.new_nonce, editable=False, max_length=43
                    ),
                ),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                ("confirmed_at", models.DateTimeField(editable=False, null=True)),
                ("refused_at", models.DateTimeField(editable=False, null=True)),
                ("removed_at", models.DateTimeField(editable=False, null=True)),
                ("statement_month", models.DateField(editable=False, null=True)),
                ("statement_due_at", models.DateTimeField(editable=False, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="billing_addresses",
                        to="accounts.account",
                    ),
                ),
                (
                    "added_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "billing addresses",
                "ordering": ["account", "pk"],
                "permissions": [("stop_billing_address", "Can stop papers to an address")],
            },
        ),
        migrations.CreateModel(
            name="PaperMail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("mail_attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("mailed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "look_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=accounts.clock.now,
                        editable=False,
                    ),
                ),
                (
                    "tries",
                    models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
                ),
                ("rests_until", models.DateTimeField(editable=False, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("confirmation", "Confirmation"),
                            ("receipt", "Receipt"),
                            ("credit_note", "Credit note"),
                            ("void", "Credit note, void"),
                            ("statement", "Statement"),
                        ],
                        max_length=12,
                    ),
                ),
                ("month", models.DateField(null=True)),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                ("mail_due_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "address",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails",
                        to="wallets.billingaddress",
                    ),
                ),
                (
                    "purchase",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="wallets.purchase",
                    ),
                ),
                (
                    "reversal",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="wallets.reversal",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.AddIndex(
            model_name="billingaddress",
            index=models.Index(
                condition=models.Q(
                    ("refused_at__isnull", True),
                    ("removed_at__isnull", True),
                    ("wants_statements", True),
                ),
                fields=["statement_due_at"],
                name="statements_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="billingaddress",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at__isnull", True)),
                fields=("account", "email"),
                name="one_billing_address_of_a_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="billingaddress",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                name="billing_address_is_in_lower_case",
            ),
        ),
        migrations.AddConstraint(
            model_name="billingaddress",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("wants_receipts", True), ("wants_statements", True), _connector="OR"
                ),
                name="billing_address_wants_something",
            ),
        ),
        migrations.AddIndex(
            model_name="papermail",
            index=models.Index(
                condition=models.Q(("mail_due_at__isnull", False)),
                fields=["look_at"],
                name="papers_to_mail",
            ),
        ),
        migrations.AddIndex(
            model_name="papermail",
            index=models.Index(fields=["created_at"], name="paper_mails_by_age"),
        ),
        migrations.AddConstraint(
            model_name="papermail",
            constraint=models.UniqueConstraint(
                fields=("address", "purchase"), name="each_receipt_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="papermail",
            constraint=models.UniqueConstraint(
                fields=("address", "reversal", "kind"), name="each_credit_note_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="papermail",
            constraint=models.UniqueConstraint(
                fields=("address", "month"), name="each_statement_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="papermail",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("kind", "confirmation"),
                        ("month__isnull", True),
                        ("purchase__isnull", True),
                        ("reversal__isnull", True),
                    ),
                    models.Q(
                        ("kind", "receipt"),
                        ("month__isnull", True),
                        ("purchase__isnull", False),
                        ("reversal__isnull", True),
                    ),
                    models.Q(
                        ("kind__in", ["credit_note", "void"]),
                        ("month__isnull", True),
                        ("purchase__isnull", True),
                        ("reversal__isnull", False),
                    ),
                    models.Q(
                        ("kind", "statement"),
                        ("month__isnull", False),
                        ("purchase__isnull", True),
                        ("reversal__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="paper_mail_is_of_its_paper",
            ),
        ),
        migrations.RunSQL(AUDITED, unwatch(TABLE)),
        migrations.RunSQL(POST, FORGET),
    ]
