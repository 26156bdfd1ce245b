-- One call of one wallet, for pgbench: :wallet is its number, or 0 for any.
WITH placed AS MATERIALIZED (
    SELECT b.*, gen_random_uuid() AS batch, 10 + floor(random() * 300)::int AS seconds
    FROM bench_wallet b WHERE number = :wallet),
locked AS MATERIALIZED (
    SELECT w.id, w.credit, w.premium_seconds, w.basic_seconds FROM wallets_wallet w
    WHERE w.id IN (SELECT wallet_id FROM placed) ORDER BY w.id FOR NO KEY UPDATE),
taken AS MATERIALIZED (
    SELECT p.*, CASE WHEN pot = 'premium' THEN seconds ELSE 0 END AS premium,
           CASE WHEN pot = 'basic' THEN seconds ELSE 0 END AS basic,
           CASE WHEN pot = 'credit' THEN round(seconds * rate / 60, 6) ELSE 0 END AS cost
    FROM placed p JOIN locked l ON l.id = p.wallet_id),
calls AS (
    INSERT INTO campaigns_call
        (reporter, external_id, account_id, campaign_id, minute_type_sent, minute_type, seconds,
         ended_at, outcome, included_seconds, premium_seconds, basic_seconds, cost, batch,
         created_at)
    SELECT '00000000-0000-0000-0000-000000000000', 'one-' || batch, account_id, campaign_id, '',
           minute_type, seconds, now(), 'completed', 0, premium, basic, cost, batch, now()
    FROM taken)
INSERT INTO wallets_ledgerentry
    (wallet_id, pot, amount, balance_after, kind, key, note, occurred_at, created_at)
SELECT t.wallet_id, t.pot, -(premium + basic + cost),
       CASE t.pot WHEN 'premium' THEN l.premium_seconds WHEN 'basic' THEN l.basic_seconds
                  ELSE l.credit END - (premium + basic + cost),
       'calls', 'calls:' || batch, '', now(), now()
FROM taken t JOIN locked l ON l.id = t.wallet_id;
