"""Let only entries move balances: writing one moves its pot, nothing else may.

Each entry's balance_after has to be true, so a decision made on a stale balance is refused too.
"""

from django.db import migrations

# The plan is kept for the session: one made for a large batch must not scan every wallet for the
# small ones after it.
FORWARDS = """
CREATE FUNCTION wallets_move_balances() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    wrong bigint;
BEGIN
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
          FROM written GROUP BY wallet_id) m
    WHERE w.id = m.wallet_id;

    SELECT e.id INTO wrong
    FROM (SELECT id, wallet_id, pot, balance_after, COALESCE(SUM(amount) OVER (
                     PARTITION BY wallet_id, pot ORDER BY id DESC
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS later
          FROM written) e
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
CREATE TRIGGER wallets_entries_move_balances AFTER INSERT ON wallets_ledgerentry
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_move_balances();

CREATE FUNCTION wallets_forbid_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'balances are moved by entries only: post one to wallet %', NEW.id;
END;
$$;
CREATE TRIGGER wallets_start_empty BEFORE INSERT ON wallets_wallet
    FOR EACH ROW WHEN ((NEW.credit, NEW.premium_seconds, NEW.basic_seconds, NEW.included_seconds)
        IS DISTINCT FROM (0, 0, 0, 0))
    EXECUTE FUNCTION wallets_forbid_balance();
CREATE TRIGGER wallets_never_by_hand BEFORE UPDATE ON wallets_wallet
    FOR EACH ROW WHEN (pg_trigger_depth() = 0
        AND (NEW.credit, NEW.premium_seconds, NEW.basic_seconds, NEW.included_seconds)
        IS DISTINCT FROM
        (OLD.credit, OLD.premium_seconds, OLD.basic_seconds, OLD.included_seconds))
    EXECUTE FUNCTION wallets_forbid_balance();
"""

BACKWARDS = """
DROP TRIGGER wallets_never_by_hand ON wallets_wallet;
DROP TRIGGER wallets_start_empty ON wallets_wallet;
DROP FUNCTION wallets_forbid_balance();
DROP TRIGGER wallets_entries_move_balances ON wallets_ledgerentry;
DROP FUNCTION wallets_move_balances();
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0007_lists_of_ten_millions")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
