"""The rules of the books over the tables of wallets, one query each.

Those that read the whole ledger are in `ledger_rules`, those of holds in `hold_rules`.
docs/runbook.md says what each means when it is broken.
"""

from datetime import datetime

from django.db import connection
from django.db.models import Min

from accounts import clock
from accounts.cells.place import Of
from accounts.zones import known, zone_of
from wallets import limits
from wallets.books.ledger_rules import VALUE
from wallets.books.register import missing_guards, rule
from wallets.models import AutoRecharge
from wallets.months import months_between


@rule("I3", freezes=True)
def backup_cards_pay_only_what_was_declined() -> str:
    return """
        SELECT p.wallet_id, 'purchase ' || p.id || ' is charged to the backup card after '
               || first.id || ', which is ' || first.state
        FROM wallets_purchase p JOIN wallets_purchase first ON first.id = p.backup_of_id
        WHERE p.backup_of_id IS NOT NULL
          AND (first.state <> 'declined' OR first.backup_of_id IS NOT NULL
               OR (first.payer_id, first.wallet_id, first.purpose, first.amount_cents)
                  IS DISTINCT FROM (p.payer_id, p.wallet_id, p.purpose, p.amount_cents)
               OR first.payment_method = p.payment_method)
    """


@rule("I3", freezes=True)
def reversals_move_what_they_say_once() -> str:
    """An allocation's last second is taken whole: up to one second a type more than the amount."""
    return f"""
        SELECT p.wallet_id, r.kind || ' ' || r.id || ' of ' || r.amount_cents || ' cents ('
               || r.state || ') took ' || COALESCE(e.taken, 0) || ' dollars and gave back '
               || COALESCE(e.given, 0)
        FROM wallets_reversal r
        JOIN wallets_purchase p ON p.id = r.purchase_id
        LEFT JOIN LATERAL (
            SELECT -SUM({VALUE}) FILTER (WHERE e.kind IN ('refund', 'dispute')) AS taken,
                   SUM({VALUE}) FILTER (WHERE e.kind IN ('refund_failed', 'dispute_won')) AS given
            FROM wallets_ledgerentry e WHERE e.reversal_id = r.id
        ) e ON true
        WHERE COALESCE(e.taken, 0) - r.amount_cents / 100.0 NOT BETWEEN 0
              AND CASE p.buys WHEN 'allocation' THEN (p.premium_rate + p.basic_rate) / 60 ELSE 0 END
           OR COALESCE(e.given, 0) <> CASE r.state WHEN 'failed' THEN e.taken ELSE 0 END
    """  # nosec B608 # constants of ours


@rule("I3", freezes=True)
def refunds_stay_within_their_purchase() -> str:
    """What banks take back is theirs to say, even over a refund: I13 compares that with Stripe."""
    return """
        SELECT p.wallet_id, 'purchase ' || p.id || ' paid ' || p.amount_cents || ' cents, '
               || SUM(r.amount_cents) || ' were refunded'
        FROM wallets_reversal r JOIN wallets_purchase p ON p.id = r.purchase_id
        WHERE r.state <> 'failed' AND r.kind = 'refund'
        GROUP BY p.id, p.wallet_id, p.amount_cents
        HAVING SUM(r.amount_cents) > p.amount_cents
    """


@rule("I3", freezes=True)
def only_paid_purchases_are_reversed() -> str:
    return """
        SELECT p.wallet_id, r.kind || ' ' || r.id || ' reverses purchase ' || p.id
               || ', which is ' || p.state
        FROM wallets_reversal r JOIN wallets_purchase p ON p.id = r.purchase_id
        WHERE r.state <> 'failed' AND p.state <> 'succeeded'
    """


@rule("I3", freezes=True)
def reversal_entries_have_a_reversal() -> str:
    return """
        SELECT wallet_id, 'entry ' || id || ' (' || kind || ') belongs to no reversal'
        FROM wallets_ledgerentry
        WHERE kind IN ('refund', 'refund_failed', 'dispute', 'dispute_won')
          AND reversal_id IS NULL
    """


@rule("I4", freezes=True)
def one_open_charge_a_wallet() -> str:
    return """
        SELECT wallet_id, count(*) || ' charges are open at once'
        FROM wallets_purchase
        WHERE state IN ('created', 'submitted', 'requires_action') AND purpose <> 'allocation'
        GROUP BY wallet_id HAVING count(*) > 1
    """


@rule("I4", freezes=True)
def one_charge_a_run() -> str:
    return """
        SELECT min(wallet_id), 'run ' || allocation_run_id || ' has ' || count(*)
               || ' open or paid charges'
        FROM wallets_purchase
        WHERE state IN ('created', 'submitted', 'requires_action', 'succeeded')
          AND allocation_run_id IS NOT NULL
        GROUP BY allocation_run_id HAVING count(*) > 1
    """


@rule("I6", freezes=True)
def one_run_a_period() -> str:
    return """
        SELECT w.id, a.name || ' has ' || r.runs || ' runs for ' || r.period
        FROM (SELECT allocation_id, period, count(*) AS runs FROM wallets_allocationrun
              GROUP BY 1, 2 HAVING count(*) > 1) r
        JOIN wallets_autoallocation al ON al.id = r.allocation_id
        JOIN accounts_account a ON a.id = al.account_id
        LEFT JOIN wallets_wallet w ON w.account_id = a.id
    """


@rule("I6", freezes=True)
def runs_are_paid_by_a_purchase() -> str:
    return """
        SELECT w.id, 'run ' || r.id || ' of ' || r.period || ' is ' || r.state || ' with '
               || COALESCE(p.paid, 0) || ' paid purchases'
        FROM wallets_allocationrun r
        LEFT JOIN (SELECT allocation_run_id, count(*) AS paid FROM wallets_purchase
                   WHERE state = 'succeeded' AND allocation_run_id IS NOT NULL GROUP BY 1) p
             ON p.allocation_run_id = r.id
        JOIN wallets_autoallocation al ON al.id = r.allocation_id
        LEFT JOIN wallets_wallet w ON w.account_id = al.account_id
        WHERE COALESCE(p.paid, 0) <> CASE r.state WHEN 'paid' THEN 1 ELSE 0 END
    """


# Table, operation, and the function whose trigger guards the one against the other.
GUARDS = (
    ("wallets_ledgerentry", "INSERT", "wallets_move_balances"),
    ("wallets_ledgerentry", "INSERT", "wallets_check_references"),
    ("wallets_ledgerentry", "UPDATE", "wallets_forbid_change"),
    ("wallets_ledgerentry", "DELETE", "wallets_forbid_change"),
    ("wallets_ledgerentry", "TRUNCATE", "wallets_forbid_change"),
    ("wallets_wallet", "INSERT", "wallets_forbid_balance"),
    ("wallets_wallet", "UPDATE", "wallets_forbid_balance"),
    ("wallets_wallet", "UPDATE", "wallets_forbid_removal"),
    ("wallets_wallet", "DELETE", "wallets_forbid_removal"),
    ("wallets_wallet", "TRUNCATE", "wallets_forbid_removal"),
    ("wallets_purchase", "UPDATE", "wallets_guard_purchase"),
    ("wallets_purchase", "UPDATE", "wallets_forbid_change"),
    ("wallets_purchase", "DELETE", "wallets_forbid_change"),
    ("wallets_purchase", "TRUNCATE", "wallets_forbid_change"),
    ("wallets_reversal", "UPDATE", "wallets_forbid_change"),
    ("wallets_reversal", "DELETE", "wallets_forbid_change"),
    ("wallets_reversal", "TRUNCATE", "wallets_forbid_change"),
    ("wallets_minuterate", "UPDATE", "wallets_forbid_change"),
    ("wallets_minuterate", "DELETE", "wallets_forbid_change"),
    ("wallets_minuterate", "TRUNCATE", "wallets_forbid_change"),
    ("wallets_parties", "UPDATE", "wallets_forbid_change"),
    ("wallets_parties", "DELETE", "wallets_forbid_change"),
    ("wallets_parties", "TRUNCATE", "wallets_forbid_change"),
    ("wallets_seller", "UPDATE", "wallets_forbid_change"),
    ("wallets_seller", "DELETE", "wallets_forbid_change"),
    ("wallets_seller", "TRUNCATE", "wallets_forbid_change"),
    ("wallets_stripeevent", "UPDATE", "wallets_forbid_change"),
    ("wallets_stripeevent", "DELETE", "wallets_forbid_change"),
    ("wallets_stripeevent", "TRUNCATE", "wallets_forbid_change"),
)


@rule("I7", freezes=True)
def the_guards_are_in_place() -> str:
    return missing_guards(GUARDS)


@rule("I7", freezes=True, recent="wallets_purchase")
def receipts_stay_with_paid_purchases() -> str:
    """A number is given once, when paid: a row that left `succeeded` by force still has it."""
    return """
        SELECT wallet_id, 'purchase ' || id || ' is ' || state || ' but has '
               || COALESCE('receipt ' || receipt_number, 'no receipt')
        FROM wallets_purchase
        WHERE (state = 'succeeded') <> (receipt_number IS NOT NULL)
    """


@rule("I8", freezes=False)
def no_purchase_is_forgotten() -> str:
    """Two minutes for the sweep, after the hour; after the 15 minutes a look's wait, too."""
    return """
        SELECT wallet_id, 'purchase ' || id || ' is ' || state || ' since ' || created_at
               || CASE state WHEN 'created' THEN '' ELSE ', and support was not told' END
        FROM wallets_purchase
        WHERE (state = 'created' AND created_at < %(now)s - interval '22 minutes')
           OR (state = 'submitted' AND created_at < %(now)s - interval '62 minutes'
               AND reported_unknown_at IS NULL AND quarantined_at IS NULL)
    """


@rule("I10", freezes=True, recent="wallets_ledgerentry")
def entries_belong_to_their_accounts() -> str:
    return """
        SELECT e.wallet_id, 'entry ' || e.id || ' (' || e.kind || ') is not of the wallet of '
               || 'purchase ' || p.id
        FROM wallets_ledgerentry e
        JOIN wallets_purchase p ON p.id = e.purchase_id
        LEFT JOIN wallets_reversal r ON r.id = e.reversal_id
        WHERE e.purchase_id IS NOT NULL
          AND ((e.wallet_id <> p.wallet_id
                AND (e.reversal_id IS NULL
                     OR p.payer_id <> (SELECT account_id FROM wallets_wallet
                                       WHERE id = e.wallet_id)))
               OR r.purchase_id <> e.purchase_id)
    """


@rule("I10", freezes=True, recent="wallets_purchase")
def purchases_belong_to_their_accounts() -> str:
    return """
        SELECT p.wallet_id, 'purchase ' || p.id || ' is paid by an account that may not'
        FROM wallets_purchase p
        JOIN wallets_wallet w ON w.id = p.wallet_id
        LEFT JOIN wallets_allocationrun r ON r.id = p.allocation_run_id
        LEFT JOIN wallets_autoallocation al ON al.id = r.allocation_id
        WHERE CASE p.purpose WHEN 'allocation'
              -- Minutes given once have no month, but the form they were given by.
              THEN p.payer_id = w.account_id OR CASE WHEN p.allocation_run_id IS NULL
                   THEN p.form_key IS NULL
                   ELSE al.account_id IS DISTINCT FROM w.account_id END
              ELSE p.payer_id <> w.account_id END
    """


@rule("I11", freezes=False, recent="wallets_purchase")
def three_automatic_charges_in_ten_minutes() -> str:
    return """
        SELECT wallet_id, 'a fourth automatic charge in ten minutes: purchase ' || id
        FROM (SELECT id, wallet_id, created_at,
                     lag(created_at, 3) OVER (PARTITION BY wallet_id ORDER BY created_at) AS fourth
              FROM wallets_purchase WHERE purpose = 'auto_recharge' AND state = 'succeeded') p
        WHERE created_at - fourth < interval '10 minutes'
    """


@rule("I11", freezes=False, recent="wallets_purchase")
def six_automatic_attempts_in_ten_minutes() -> str:
    """Whatever became of them: a loop that the brake let through."""
    return """
        SELECT wallet_id, 'a seventh attempt in ten minutes: purchase ' || id
        FROM (SELECT id, wallet_id, created_at,
                     lag(created_at, 6) OVER (PARTITION BY wallet_id, purpose ORDER BY created_at)
                         AS seventh
              FROM wallets_purchase WHERE purpose IN ('auto_recharge', 'allocation')) p
        WHERE created_at - seventh < interval '10 minutes'
    """


INTENTS = """
    SELECT id, wallet_id, created_at,
           count(*) OVER (PARTITION BY wallet_id ORDER BY created_at
                          RANGE BETWEEN interval '59.999999 seconds' PRECEDING AND CURRENT ROW)
               AS many
    FROM wallets_purchase
"""


@rule(
    "I15",
    freezes=False,
    figures=lambda: {"most": limits.INTENTS_PER_MINUTE},
    recent="wallets_purchase",
)
def few_intents_of_a_wallet_in_a_minute() -> str:
    """By hand or by itself, whatever became of them. One line a wallet: its worst minute."""
    return f"""
        SELECT wallet_id, max(many) || ' intents within a minute, at most ' || %(most)s
               || ' are allowed; the last such minute ended ' || max(created_at)
        FROM ({INTENTS}) p WHERE many > %(most)s
        GROUP BY wallet_id
    """  # nosec B608 # constants of ours


def most_intents_in_a_minute(*, since: datetime) -> int:
    """The most intents that any wallet had within one minute since then; for monitoring."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT COALESCE(max(many), 0) FROM ({INTENTS} WHERE created_at > %s) p",  # nosec B608 # constants of ours
            [since],
        )
        return cursor.fetchone()[0]


def months_of_limits() -> dict[str, object]:
    """The months since a monthly limit was set, in each zone that has one, as instants."""
    limited = AutoRecharge.objects.filter(monthly_limit__isnull=False)
    since = limited.values_list("wallet__account__timezone").annotate(Min("updated_at"))
    rows = [
        (name, begins, ends)
        for name, first in since
        for begins, ends in months_between(first, clock.now(), zone=zone_of(name))
    ]
    names, begins, ends = zip(*rows, strict=True) if rows else ((), (), ())
    return {"zones": list(names), "begins": list(begins), "ends": list(ends)}


@rule("I11", freezes=False, figures=months_of_limits)
def automatic_charges_within_the_monthly_limit() -> str:
    """Only charges decided under the settings in force: a limit may be lowered afterwards. What a
    refund gave back in full left room for the next one, even if the refund failed later."""
    return """
        SELECT p.wallet_id, 'purchase ' || p.id || ' brings the month to ' || p.spent / 100.0
               || ' dollars, the limit is ' || p.monthly_limit
        FROM (SELECT p.id, p.wallet_id, p.created_at, ar.monthly_limit, ar.updated_at,
                     SUM(p.amount_cents) OVER (PARTITION BY p.wallet_id, m.begins
                                               ORDER BY p.created_at, p.id) AS spent
              FROM unnest(%(zones)s::text[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
                   AS m (zone, begins, ends)
              JOIN accounts_account a ON a.timezone = m.zone
              JOIN wallets_wallet w ON w.account_id = a.id
              JOIN wallets_autorecharge ar ON ar.wallet_id = w.id
              JOIN wallets_purchase p ON p.wallet_id = w.id
                   AND p.created_at >= m.begins AND p.created_at < m.ends
              WHERE ar.monthly_limit IS NOT NULL AND ar.updated_at < m.ends
                AND p.purpose = 'auto_recharge' AND p.state NOT IN ('declined', 'canceled')
                AND p.amount_cents > (
                    SELECT COALESCE(SUM(r.amount_cents), 0) FROM wallets_reversal r
                    WHERE r.purchase_id = p.id AND r.kind = 'refund')) p
        WHERE p.spent / 100.0 > p.monthly_limit AND p.created_at >= p.updated_at
    """


@rule("I14", freezes=False, figures=lambda: {"known": sorted(known())})
def every_zone_is_known() -> str:
    return """
        SELECT w.id, 'account ' || a.id || ' is in the zone ' || a.timezone
               || ', which nobody knows: it is taken for UTC'
        FROM accounts_account a LEFT JOIN wallets_wallet w ON w.account_id = a.id
        WHERE a.timezone <> ALL(%(known)s)
    """


@rule("I12", freezes=False, of=Of.EVERYBODY)
def events_are_applied_soon() -> str:
    return """
        SELECT NULL::bigint, 'event ' || event_id || ' waits since ' || received_at
        FROM wallets_stripeevent
        WHERE applied_at IS NULL AND given_up_at IS NULL
          AND received_at < %(now)s - interval '5 minutes'
        ORDER BY received_at
    """
