-- The rows of one batch by one statement: it makes up its calls, so there is no client, no lookup
-- and no rule. Wallets are locked in order; every guard, unique and foreign key does its work.
WITH new AS MATERIALIZED (
    SELECT 'limit-' || %(batch)s || '-' || g AS external_id,
           1 + floor(random() * %(wallets)s)::int AS number,
           10 + floor(random() * 300)::int AS seconds
    FROM generate_series(1, %(everyday)s) g
    UNION ALL
    SELECT 'limit-' || %(batch)s || '-x' || n, n, 30
    FROM generate_series(%(crossing)s, %(crossing)s + %(crossings)s - 1) n),
placed AS MATERIALIZED (SELECT new.*, b.wallet_id, b.account_id, b.campaign_id, b.minute_type,
                               b.pot, b.rate
                        FROM new JOIN bench_wallet b ON b.number = new.number),
locked AS MATERIALIZED (
    SELECT w.id, w.credit, w.premium_seconds, w.basic_seconds FROM wallets_wallet w
    WHERE w.id IN (SELECT wallet_id FROM placed) ORDER BY w.id FOR NO KEY UPDATE),
taken AS MATERIALIZED (
    SELECT p.*, CASE WHEN pot = 'premium' THEN seconds ELSE 0 END AS premium,
           CASE WHEN pot = 'basic' THEN seconds ELSE 0 END AS basic,
           CASE WHEN pot = 'credit' THEN round(seconds * rate / 60, 6) ELSE 0 END AS cost
    FROM placed p JOIN locked l ON l.id = p.wallet_id),
moved AS MATERIALIZED (
    SELECT wallet_id, pot, sum(premium + basic + cost) AS amount FROM taken GROUP BY 1, 2),
calls AS (
    INSERT INTO campaigns_call
        (reporter, external_id, account_id, campaign_id, minute_type_sent, minute_type, seconds,
         ended_at, outcome, included_seconds, premium_seconds, basic_seconds, cost, batch,
         created_at)
    SELECT '00000000-0000-0000-0000-000000000000', external_id, account_id, campaign_id, '',
           minute_type, seconds, %(now)s, 'completed', 0, premium, basic, cost, %(batch)s::uuid,
           %(now)s
    FROM taken),
due AS (
    UPDATE wallets_autorecharge a
    SET due_since = %(now)s, look_at = %(now)s, low_armed = false, low_since = %(now)s,
        low_look_at = %(now)s
    FROM placed p WHERE p.number > %(wallets)s AND p.number %% 2 = 0 AND a.wallet_id = p.wallet_id),
paused AS (
    UPDATE campaigns_campaign c
    SET status = 'paused', pause_reason = 'low_balance', paused_at = %(now)s, updated_at = %(now)s
    FROM placed p WHERE p.number > %(wallets)s AND p.number %% 2 = 1 AND c.id = p.campaign_id),
told AS (
    INSERT INTO accounts_notification
        (account_id, kind, title, text, level, data, dedupe_key, link, audience, created_at,
         mail_due_at, mail_attempts)
    SELECT account_id, 'campaigns_paused', '1 campaign paused: balance too low',
           '1 campaign paused: balance too low. The balance is $0.12. Recharge to go on. Bench.',
           'warning', '{"campaigns": [1]}', external_id, '/campaigns/?show=paused', 'managers',
           %(now)s, %(now)s, 0
    FROM placed WHERE number > %(wallets)s AND number %% 2 = 1),
explained AS (
    INSERT INTO wallets_loggeddecision
        (wallet_id, subject, about, name, code, figures, first_at, last_at, times)
    SELECT wallet_id, 'autopause', 'bench', 'Bench', 'paused',
           '{"payable": "45", "credit": "0.120000", "rate": "0.160000"}', %(now)s, %(now)s, 1
    FROM placed WHERE number > %(wallets)s AND number %% 2 = 1)
INSERT INTO wallets_ledgerentry
    (wallet_id, pot, amount, balance_after, kind, key, note, occurred_at, created_at)
SELECT m.wallet_id, m.pot, -m.amount,
       CASE m.pot WHEN 'premium' THEN l.premium_seconds WHEN 'basic' THEN l.basic_seconds
                  ELSE l.credit END - m.amount,
       'calls', 'calls:' || %(batch)s, '', %(now)s, %(now)s
FROM moved m JOIN locked l ON l.id = m.wallet_id
