-- Wallets by their number, with what the limit needs to know of each.
CREATE TABLE bench_wallet AS
SELECT row_number() OVER (ORDER BY w.id)::int AS number, w.id AS wallet_id, w.account_id,
       c.id AS campaign_id, c.minute_type,
       CASE WHEN w.credit > 0 THEN 'credit' WHEN w.premium_seconds > 0 THEN 'premium'
            ELSE 'basic' END AS pot,
       CASE WHEN c.minute_type = 'basic' THEN 0.09 ELSE 0.16 END AS rate
FROM wallets_wallet w JOIN campaigns_campaign c ON c.account_id = w.account_id;
CREATE UNIQUE INDEX ON bench_wallet (number);
CREATE SEQUENCE bench_number;
