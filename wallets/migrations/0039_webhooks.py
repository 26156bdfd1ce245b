"""Tell webhooks of what becomes of money, in the transaction in which it does."""

from django.db import migrations

PURCHASES = """
CREATE FUNCTION wallets_tell_of_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    type text := 'wallet.recharge.' || CASE NEW.state WHEN 'succeeded' THEN 'succeeded'
        WHEN 'requires_action' THEN 'action_required' ELSE 'failed' END;
BEGIN
    IF accounts_webhook_wanted(NEW.payer_id, false, type) THEN
        PERFORM accounts_tell_webhooks(NEW.payer_id, false, type, jsonb_build_object(
            'id', NEW.id, 'account', NEW.payer_id, 'purpose', NEW.purpose, 'state', NEW.state,
            'amount_cents', NEW.amount_cents, 'buys', NEW.buys,
            'rate', CASE NEW.buys WHEN 'premium' THEN NEW.premium_rate
                WHEN 'basic' THEN NEW.basic_rate END::text,
            'card', NEW.card, 'error_text', NEW.error_text, 'receipt_number', NEW.receipt_number,
            'created_at', NEW.created_at, 'closed_at', NEW.closed_at));
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER wallets_purchase_told AFTER UPDATE OF state ON wallets_purchase FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND NEW.purpose IN ('recharge', 'auto_recharge')
        AND NEW.state IN ('succeeded', 'declined', 'canceled', 'requires_action'))
    EXECUTE FUNCTION wallets_tell_of_purchase();
"""
SETTINGS = """
CREATE FUNCTION wallets_tell_of_low_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    w wallets_wallet%ROWTYPE;
BEGIN
    SELECT * INTO w FROM wallets_wallet WHERE id = NEW.wallet_id;
    IF accounts_webhook_wanted(w.account_id, false, 'wallet.low_balance') THEN
        PERFORM accounts_tell_webhooks(w.account_id, false, 'wallet.low_balance',
            jsonb_build_object(
                'account', w.account_id, 'credit', w.credit::text,
                'premium_seconds', w.premium_seconds, 'basic_seconds', w.basic_seconds,
                'included_seconds', w.included_seconds, 'threshold', NEW.threshold::text,
                'blocked', w.blocked_at IS NOT NULL));
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER wallets_autorecharge_low_told AFTER UPDATE ON wallets_autorecharge FOR EACH ROW
    WHEN (OLD.low_since IS NULL AND NEW.low_since IS NOT NULL)
    EXECUTE FUNCTION wallets_tell_of_low_balance();

CREATE FUNCTION wallets_tell_of_auto_recharge() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    w wallets_wallet%ROWTYPE;
    type text := 'wallet.auto_recharge.' || TG_ARGV[0];
BEGIN
    SELECT * INTO w FROM wallets_wallet WHERE id = NEW.wallet_id;
    IF accounts_webhook_wanted(w.account_id, false, type) THEN
        PERFORM accounts_tell_webhooks(w.account_id, false, type, jsonb_build_object(
            'enabled', NEW.enabled, 'threshold', NEW.threshold::text, 'amount', NEW.amount::text,
            'monthly_limit', NEW.monthly_limit::text, 'daily_ceiling', NEW.daily_ceiling::text,
            'payment_method', NEW.payment_method, 'resume_campaigns', NEW.resume_campaigns,
            'suspended_reason', NEW.suspended_reason, 'hold_reason', NEW.hold_reason,
            'not_before', NEW.not_before, 'updated_at', NEW.updated_at,
            'blocked', w.blocked_at IS NOT NULL));
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER wallets_autorecharge_suspended_told AFTER UPDATE ON wallets_autorecharge
    FOR EACH ROW WHEN (NEW.suspended_reason <> '' AND OLD.suspended_reason <> NEW.suspended_reason)
    EXECUTE FUNCTION wallets_tell_of_auto_recharge('suspended');
CREATE TRIGGER wallets_autorecharge_resumed_told AFTER UPDATE ON wallets_autorecharge
    FOR EACH ROW WHEN (OLD.suspended_reason <> '' AND NEW.suspended_reason = '' AND NEW.enabled)
    EXECUTE FUNCTION wallets_tell_of_auto_recharge('resumed');
CREATE TRIGGER wallets_autorecharge_ceiling_told AFTER UPDATE ON wallets_autorecharge
    FOR EACH ROW WHEN (NEW.hold_reason = 'daily_ceiling'
        AND (OLD.hold_reason, OLD.not_before) IS DISTINCT FROM (NEW.hold_reason, NEW.not_before))
    EXECUTE FUNCTION wallets_tell_of_auto_recharge('ceiling_reached');
"""
# The agency alone hears of it: it is the agency's card, and what it pays.
RUNS = """
CREATE FUNCTION wallets_tell_of_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of wallets_autoallocation%ROWTYPE;
    type text := 'allocation.' || CASE NEW.state WHEN 'paid' THEN 'charged' ELSE NEW.state END;
BEGIN
    SELECT * INTO of FROM wallets_autoallocation WHERE id = NEW.allocation_id;
    IF accounts_webhook_wanted(of.account_id, true, type) THEN
        PERFORM accounts_tell_webhooks(of.account_id, true, type, jsonb_build_object(
            'account', of.account_id, 'period', NEW.period, 'state', NEW.state,
            'basic_minutes', NEW.basic_minutes, 'premium_minutes', NEW.premium_minutes,
            'charge_cents', COALESCE(NEW.charged_cents, NEW.amount_cents),
            'error_text', NEW.error_text));
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER wallets_allocationrun_told AFTER UPDATE OF state ON wallets_allocationrun
    FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND NEW.state IN ('paid', 'failed', 'missed'))
    EXECUTE FUNCTION wallets_tell_of_run();
CREATE TRIGGER wallets_allocationrun_made_told AFTER INSERT ON wallets_allocationrun
    FOR EACH ROW WHEN (NEW.state IN ('paid', 'failed', 'missed'))
    EXECUTE FUNCTION wallets_tell_of_run();
"""
RATES = """
CREATE FUNCTION wallets_tell_of_rate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF accounts_webhook_wanted(NULL, false, 'rate.announced') THEN
        PERFORM accounts_tell_webhooks(NULL, false, 'rate.announced', jsonb_build_object(
            'minute_type', NEW.minute_type, 'price', NEW.price::text,
            'effective_from', NEW.effective_from));
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER wallets_minuterate_told AFTER INSERT ON wallets_minuterate FOR EACH ROW
    EXECUTE FUNCTION wallets_tell_of_rate();
"""
SILENT = """
DROP TRIGGER wallets_purchase_told ON wallets_purchase;
DROP TRIGGER wallets_autorecharge_low_told ON wallets_autorecharge;
DROP TRIGGER wallets_autorecharge_suspended_told ON wallets_autorecharge;
DROP TRIGGER wallets_autorecharge_resumed_told ON wallets_autorecharge;
DROP TRIGGER wallets_autorecharge_ceiling_told ON wallets_autorecharge;
DROP TRIGGER wallets_allocationrun_told ON wallets_allocationrun;
DROP TRIGGER wallets_allocationrun_made_told ON wallets_allocationrun;
DROP TRIGGER wallets_minuterate_told ON wallets_minuterate;
DROP FUNCTION wallets_tell_of_purchase;
DROP FUNCTION wallets_tell_of_low_balance;
DROP FUNCTION wallets_tell_of_auto_recharge;
DROP FUNCTION wallets_tell_of_run;
DROP FUNCTION wallets_tell_of_rate;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0018_webhooks"),
        ("wallets", "0038_own_alerts"),
    ]

    operations = [migrations.RunSQL(PURCHASES + SETTINGS + RUNS + RATES, SILENT)]
