"""Calls and kept days are read before what they name, as entries are before wallets. What is
refused, and what is summed up, stays the same."""

from importlib import import_module

from django.db import migrations

_wallets = import_module("wallets.migrations.0046_entries_are_read_before_wallets")
_sums = import_module("campaigns.migrations.0014_sums_of_usage")
_calls = import_module("campaigns.migrations.0016_what_calls_refer_to_stays").FORWARDS
_as_it_was = import_module("accounts.migrations.0021_functions_for_shards").as_it_was

CHECK = f"""
CREATE OR REPLACE FUNCTION campaigns_check_references() RETURNS trigger LANGUAGE plpgsql
{_wallets.ONE_PLAN} AS $$
DECLARE
    accounts uuid[];
    campaigns bigint[];
    wrong record;
BEGIN
    SELECT array_agg(account_id), array_agg(campaign_id) INTO accounts, campaigns FROM written;

    SELECT k.account_id, k.campaign_id INTO wrong
    FROM unnest(accounts, campaigns) AS k (account_id, campaign_id)
    WHERE (SELECT c.account_id FROM campaigns_campaign c WHERE c.id = k.campaign_id)
              IS DISTINCT FROM k.account_id
      AND ((SELECT a.id FROM accounts_account a WHERE a.id = k.account_id) IS NULL
           OR (k.campaign_id IS NOT NULL
               AND (SELECT c.id FROM campaigns_campaign c WHERE c.id = k.campaign_id) IS NULL))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a call is of account % and campaign %, which are not both there',
                        wrong.account_id, COALESCE(wrong.campaign_id::text, 'none')
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END;
$$;
"""

COLUMNS = {
    "account_id": "uuid",
    "day": "date",
    "campaign_id": "bigint",
    "minute_type": "varchar",
    "outcome": "varchar",
    **dict.fromkeys(_sums.FIGURES, "bigint"),
    "cost": "numeric",
}
ARRAYS = [f"{name}_of" for name in COLUMNS]
DAYS = f"""(
    SELECT d.* FROM unnest({", ".join(ARRAYS)}) AS d ({", ".join(COLUMNS)}) WHERE NOT EXISTS (
        SELECT FROM campaigns_usagekept AS k WHERE k.account_id = d.account_id AND NOT k.summed)
) AS d"""
DECLARED = "\n".join(f"  {name}_of {kind}[];" for name, kind in COLUMNS.items())
READ = ", ".join(f"array_agg({name})" for name in COLUMNS)

SUM = f"""
CREATE OR REPLACE FUNCTION campaigns_sum_usage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
{DECLARED}
BEGIN
  SELECT {READ} INTO {", ".join(ARRAYS)} FROM moved;
  IF TG_OP = 'INSERT' THEN{_sums.both(_sums.add, DAYS)}
  ELSE{_sums.both(_sums.take_away, DAYS)}
  END IF;
  RETURN NULL;
END $$;
"""

FORWARDS = CHECK + SUM
BACKWARDS = _as_it_was(_calls, "campaigns_check_references") + _sums.FUNCTION.replace(
    "CREATE", "CREATE OR REPLACE", 1
)


class Migration(migrations.Migration):
    allowed = {"narrower": "the function in its new form refuses what it refused before"}

    dependencies = [
        ("campaigns", "0017_calls_without_keys_of_accounts_and_campaigns"),
        ("wallets", "0046_entries_are_read_before_wallets"),
    ]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
