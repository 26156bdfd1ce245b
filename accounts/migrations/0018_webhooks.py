"""Outgoing webhooks: events are written by triggers, in the transaction that changes a row.

`accounts_webhook_wanted` and `accounts_tell_webhooks` are for the triggers of other apps.
"""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import accounts.clock
from accounts.audited import unwatch, watch

TELLS = """
CREATE SEQUENCE accounts_webhook_number OWNED BY accounts_webhookevent.sequence;

CREATE FUNCTION accounts_webhook_wanted(about uuid, only_agency boolean, type text)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM accounts_webhookendpoint e
        WHERE e.disabled_at IS NULL AND (cardinality(e.events) = 0 OR type = ANY(e.events))
            AND (about IS NULL OR e.account_id = ANY(ARRAY[
                CASE WHEN NOT only_agency THEN about END,
                (SELECT a.agency_id FROM accounts_account a WHERE a.id = about)]))
    )
$$;

-- What nobody wants to hear costs a look at an index. The notice wakes whoever sends, once this
-- transaction has committed (accounts.webhooks.waking).
CREATE FUNCTION accounts_tell_webhooks(about uuid, only_agency boolean, type text, facts jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounts_webhookevent (message, account_id, only_agency, kind, facts, created_at)
    VALUES ('msg_' || replace(gen_random_uuid()::text, '-', ''), about, only_agency, type, facts,
        clock_timestamp());
    RAISE NOTICE 'a webhook waits' USING ERRCODE = 'WH001';
END;
$$;

CREATE FUNCTION accounts_tell_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    type text := CASE NEW.status WHEN 'closed' THEN 'account.closed' ELSE 'account.reopened' END;
BEGIN
    IF accounts_webhook_wanted(NEW.id, false, type) THEN
        PERFORM accounts_tell_webhooks(NEW.id, false, type, jsonb_build_object(
            'id', NEW.id, 'name', NEW.name, 'status', NEW.status, 'time_zone', NEW.timezone,
            'created_at', NEW.created_at));
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER accounts_account_told AFTER UPDATE OF status ON accounts_account FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION accounts_tell_of_account();
"""
SILENT = """
DROP TRIGGER accounts_account_told ON accounts_account;
DROP FUNCTION accounts_tell_of_account;
DROP FUNCTION accounts_tell_webhooks;
DROP FUNCTION accounts_webhook_wanted;
DROP SEQUENCE accounts_webhook_number;
"""
SETTINGS = (
    "account_id, url, description, events, format, secret, old_secrets, paused_at, disabled_at"
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0017_also_to"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("about", models.CharField(blank=True, max_length=36)),
                ("sequence", models.BigIntegerField()),
                ("alone", models.BooleanField(db_default=False, default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Delivered"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=7,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_at", models.DateTimeField(default=accounts.clock.now)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=accounts.clock.now)),
            ],
            options={
                "verbose_name_plural": "webhook deliveries",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="WebhookSender",
            fields=[
                ("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("token", models.UUIDField(null=True)),
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("took_ms", models.PositiveIntegerField()),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("error", models.CharField(blank=True, max_length=200)),
                ("answer", models.CharField(blank=True, max_length=1000)),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tries",
                        to="accounts.webhookdelivery",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("url", models.CharField(max_length=500, verbose_name="address")),
                ("description", models.CharField(blank=True, max_length=120)),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "format",
                    models.CharField(
                        choices=[("standard", "Standard Webhooks"), ("slack", "Slack message")],
                        default="standard",
                        max_length=8,
                    ),
                ),
                ("secret", models.CharField(max_length=80)),
                ("old_secrets", models.JSONField(blank=True, default=list)),
                ("paused_at", models.DateTimeField(editable=False, null=True)),
                ("disabled_at", models.DateTimeField(editable=False, null=True)),
                ("disabled_because", models.CharField(blank=True, editable=False, max_length=200)),
                ("worked_at", models.DateTimeField(editable=False, null=True)),
                ("troubled_since", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="webhook_endpoints",
                        to="accounts.account",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "pk"],
            },
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="endpoint",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="accounts.webhookendpoint",
            ),
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("message", models.CharField(max_length=40, unique=True)),
                ("only_agency", models.BooleanField(db_default=False, default=False)),
                ("kind", models.CharField(max_length=40)),
                ("facts", models.JSONField()),
                ("data", models.JSONField(null=True)),
                ("sequence", models.BigIntegerField(null=True, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=accounts.clock.now,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="accounts.webhookevent",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("sequence__isnull", True)),
                fields=["id"],
                name="webhook_events_new",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(fields=["created_at"], name="webhook_events_by_age"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["next_at"],
                name="webhooks_in_turn",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["endpoint", "next_at"],
                name="webhooks_of_endpoint_in_turn",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("alone", False), ("state", "waiting")),
                fields=["endpoint", "about", "sequence"],
                name="webhooks_in_order",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("claimed_until__isnull", False)),
                fields=["endpoint", "claimed_until"],
                name="webhooks_under_way",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                models.F("endpoint"),
                models.OrderBy(models.F("id"), descending=True),
                name="webhooks_of_endpoint",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(
                fields=("endpoint", "event"), name="one_delivery_per_event"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("sent_at__isnull", False), ("state", "sent")),
                    models.Q(("state", "sent"), _negated=True),
                    _connector="OR",
                ),
                name="webhook_sent_says_when",
            ),
        ),
        migrations.RunSQL(TELLS, SILENT),
        migrations.RunSQL(
            watch(
                "accounts_webhookendpoint",
                "worked_at,troubled_since",
                "url,secret,old_secrets",
                columns=SETTINGS,
            ),
            unwatch("accounts_webhookendpoint"),
        ),
    ]
