"""Sums of the days that are kept of usage, by month and by agency: five hundred sub-accounts' days of
a year are too many to be added up while somebody waits.

A trigger adds what is kept and takes away what is taken back, in the same transaction and whichever
build writes it. Accounts whose days were kept before have no sums until the next migration makes
them, and their days are left out until then (`summed`).
"""

from collections.abc import Callable

import django.db.models.deletion
from django.db import migrations, models

FIGURES = ("calls", "seconds", "included_seconds", "premium_seconds", "basic_seconds", "cost")
SUMS = ", ".join(f"sum({name})" for name in FIGURES)
MONTHS = """
SELECT account_id, date_trunc('month', day)::date, campaign_id, minute_type, outcome, {sums}
FROM {days} GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
# In one order, so that fewer who write wait for each other.
AGENCY_DAYS = """
SELECT COALESCE(a.agency_id, a.id), day, minute_type, outcome, {sums}
FROM {days} JOIN accounts_account AS a ON a.id = account_id AND a.kind <> 'individual'
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
MONTH = ("account_id", "month", "campaign_id", "minute_type", "outcome")
AGENCY_DAY = ("agency_id", "day", "minute_type", "outcome")


def add(table: str, key: tuple[str, ...], rows: str, days: str) -> str:
    added = ", ".join(f"{name} = kept.{name} + excluded.{name}" for name in FIGURES)
    return f"""
INSERT INTO {table} AS kept ({", ".join((*key, *FIGURES))})
{rows.format(sums=SUMS, days=days)}
ON CONFLICT ({", ".join(key)}) DO UPDATE SET {added};
"""  # nosec B608 # constants of ours


def take_away(table: str, key: tuple[str, ...], rows: str, days: str) -> str:
    left = ", ".join(f"{name} = kept.{name} - gone.{name}" for name in FIGURES)
    # No index finds what is not distinct: only campaigns may be null.
    equals = {name: "IS NOT DISTINCT FROM" if name == "campaign_id" else "=" for name in key}
    same = " AND ".join(f"kept.{name} {equal} gone.{name}" for name, equal in equals.items())
    return f"""
UPDATE {table} AS kept SET {left}
FROM ({rows.format(sums=SUMS, days=days)}) AS gone ({", ".join((*key, *FIGURES))}) WHERE {same};
"""  # nosec B608 # constants of ours


def both(change: Callable[..., str], days: str) -> str:
    """The statements that add the sums of these days, or take them away."""
    months = change("campaigns_usagemonth", MONTH, MONTHS, days)
    return months + change("campaigns_agencyusageday", AGENCY_DAY, AGENCY_DAYS, days)


MOVED = """(
    SELECT d.* FROM moved AS d WHERE NOT EXISTS (
        SELECT FROM campaigns_usagekept AS k WHERE k.account_id = d.account_id AND NOT k.summed)
) AS d"""
FUNCTION = f"""
CREATE FUNCTION campaigns_sum_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN{both(add, MOVED)}
  ELSE{both(take_away, MOVED)}
  END IF;
  RETURN NULL;
END $$
"""
TRIGGERS = """
CREATE TRIGGER kept_days_are_summed AFTER INSERT ON campaigns_usageday
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION campaigns_sum_usage();
CREATE TRIGGER taken_days_are_not_summed AFTER DELETE ON campaigns_usageday
REFERENCING OLD TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION campaigns_sum_usage();
"""
NO_TRIGGERS = """
DROP TRIGGER kept_days_are_summed ON campaigns_usageday;
DROP TRIGGER taken_days_are_not_summed ON campaigns_usageday;
"""


class Migration(migrations.Migration):
    allowed = {"transition-beside-table": "a later one gives the function another form"}

    dependencies = [
        ("accounts", "0020_answers_are_kept"),
        ("campaigns", "0013_late_calls_take_kept_days_back"),
    ]

    operations = [
        migrations.AddField(
            model_name="usagekept",
            name="summed",
            field=models.BooleanField(db_default=False, default=True),
        ),
        # Those there are have no sums; whoever comes from now on has.
        migrations.AlterField(
            model_name="usagekept",
            name="summed",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.CreateModel(
            name="AgencyUsageDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "minute_type",
                    models.CharField(
                        choices=[
                            ("premium", "Premium only"),
                            ("basic", "Basic only"),
                            ("premium_then_basic", "Premium then Basic"),
                        ],
                        max_length=18,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("completed", "Completed"),
                            ("no_answer", "No answer"),
                            ("no_message", "No message"),
                            ("left_message", "Left message"),
                            ("failed", "Failed"),
                            ("issue_dialing", "Issue dialing"),
                        ],
                        max_length=13,
                    ),
                ),
                ("calls", models.BigIntegerField()),
                ("seconds", models.BigIntegerField()),
                ("included_seconds", models.BigIntegerField()),
                ("premium_seconds", models.BigIntegerField()),
                ("basic_seconds", models.BigIntegerField()),
                ("cost", models.DecimalField(decimal_places=6, max_digits=18)),
                ("day", models.DateField()),
                (
                    "agency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("agency", "day", "minute_type", "outcome"),
                        name="agency_usage_day_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageMonth",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "minute_type",
                    models.CharField(
                        choices=[
                            ("premium", "Premium only"),
                            ("basic", "Basic only"),
                            ("premium_then_basic", "Premium then Basic"),
                        ],
                        max_length=18,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("completed", "Completed"),
                            ("no_answer", "No answer"),
                            ("no_message", "No message"),
                            ("left_message", "Left message"),
                            ("failed", "Failed"),
                            ("issue_dialing", "Issue dialing"),
                        ],
                        max_length=13,
                    ),
                ),
                ("calls", models.BigIntegerField()),
                ("seconds", models.BigIntegerField()),
                ("included_seconds", models.BigIntegerField()),
                ("premium_seconds", models.BigIntegerField()),
                ("basic_seconds", models.BigIntegerField()),
                ("cost", models.DecimalField(decimal_places=6, max_digits=18)),
                ("month", models.DateField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "month", "campaign", "minute_type", "outcome"),
                        name="usage_month_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION campaigns_sum_usage()"),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
