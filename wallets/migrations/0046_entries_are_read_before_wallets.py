"""Entries are read before wallets, never in one statement with them: where tables are distributed
(Citus), none may name a transition table beside a table. What is refused stays the same."""

from importlib import import_module

from django.db import migrations

_as_it_was = import_module("accounts.migrations.0021_functions_for_shards").as_it_was
_entries = import_module("wallets.migrations.0044_what_entries_refer_to_stays").FORWARDS
_balances = import_module("wallets.migrations.0008_balances_follow_entries").FORWARDS

# Planned once, for few rows, so that wallets are looked up in the index; else a statement may be
# planned anew each time, by how many rows it has.
ONE_PLAN = "SET plan_cache_mode = force_generic_plan"

CHECK = f"""
CREATE OR REPLACE FUNCTION wallets_check_references() RETURNS trigger LANGUAGE plpgsql
{ONE_PLAN} AS $$
DECLARE
    named bigint[];
    missing bigint;
BEGIN
    SELECT array_agg(DISTINCT wallet_id) INTO named FROM written;

    IF (SELECT count(*) FROM wallets_wallet w WHERE w.id = ANY (named)) < cardinality(named) THEN
        SELECT n INTO missing FROM unnest(named) AS n
        WHERE NOT EXISTS (SELECT FROM wallets_wallet w WHERE w.id = n) LIMIT 1;
        RAISE EXCEPTION 'an entry is of wallet %, which is not there', missing
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END;
$$;
"""

MOVE = f"""
CREATE OR REPLACE FUNCTION wallets_move_balances() RETURNS trigger LANGUAGE plpgsql
{ONE_PLAN} AS $$
DECLARE
    ids bigint[];
    wallets bigint[];
    pots varchar[];
    amounts numeric[];
    balances numeric[];
    wrong bigint;
BEGIN
    SELECT array_agg(id), array_agg(wallet_id), array_agg(pot), array_agg(amount),
           array_agg(balance_after)
    INTO ids, wallets, pots, amounts, balances FROM written;

    UPDATE wallets_wallet w
    SET credit = w.credit + m.credit,
        premium_seconds = w.premium_seconds + m.premium,
        basic_seconds = w.basic_seconds + m.basic,
        included_seconds = w.included_seconds + m.included
    FROM (SELECT wallet_id,
                 COALESCE(SUM(amount) FILTER (WHERE pot = 'credit'), 0) AS credit,
                 COALESCE(SUM(amount) FILTER (WHERE pot = 'premium'), 0)::bigint AS premium,
                 COALESCE(SUM(amount) FILTER (WHERE pot = 'basic'), 0)::bigint AS basic,
                 COALESCE(SUM(amount) FILTER (WHERE pot = 'included'), 0)::bigint AS included
          FROM unnest(wallets, pots, amounts) AS e (wallet_id, pot, amount) GROUP BY wallet_id) m
    WHERE w.id = m.wallet_id;

    SELECT e.id INTO wrong
    FROM (SELECT id, wallet_id, pot, balance_after, COALESCE(SUM(amount) OVER (
                     PARTITION BY wallet_id, pot ORDER BY id DESC
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS later
          FROM unnest(ids, wallets, pots, amounts, balances)
               AS e (id, wallet_id, pot, amount, balance_after)) e
    JOIN wallets_wallet w ON w.id = e.wallet_id
    WHERE e.balance_after + e.later <> CASE e.pot
              WHEN 'credit' THEN w.credit WHEN 'premium' THEN w.premium_seconds
              WHEN 'basic' THEN w.basic_seconds WHEN 'included' THEN w.included_seconds END
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not leave what its pot holds', wrong;
    END IF;
    RETURN NULL;
END;
$$;
"""


FORWARDS = CHECK + MOVE
BACKWARDS = _as_it_was(_entries, "wallets_check_references") + _as_it_was(
    _balances, "wallets_move_balances"
)


class Migration(migrations.Migration):
    allowed = {"narrower": "the functions in their new form refuse what they refused before"}

    dependencies = [("wallets", "0045_entries_without_a_key_of_wallets")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
