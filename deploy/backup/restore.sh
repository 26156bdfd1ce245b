#!/bin/sh
# restore.sh FOLDER CLUSTER MOMENT: puts the newest base backup before MOMENT (2026-11-29 04:50:00+00) into CLUSTER,
# which must be empty or not there, and tells PostgreSQL to go on to MOMENT from FOLDER/log when it is started.
set -eu
folder=$1 cluster=$2 moment=$3
if [ -d "$cluster" ] && [ -n "$(ls -A "$cluster")" ]; then
    echo "$cluster is not empty: move it away first, nothing of it is overwritten." >&2
    exit 1
fi
before=$(date -u -d "$moment" +%Y-%m-%dT%H%M%SZ)
base=$(ls -1 "$folder/base" | awk -v before="$before" '$0 < before' | sort | tail -1)
if [ -z "$base" ]; then
    echo "No base backup in $folder/base is older than $moment." >&2
    exit 1
fi
mkdir -p "$cluster"
chmod 700 "$cluster"
cp -R "$folder/base/$base/." "$cluster"
cat >> "$cluster/postgresql.auto.conf" <<SETTINGS
# The last file is a part of one as long as it was being received.
restore_command = 'cp "$folder/log/%f" "%p" 2>/dev/null || cp "$folder/log/%f.partial" "%p"'
recovery_target_time = '$moment'
recovery_target_action = 'promote'
SETTINGS
touch "$cluster/recovery.signal"
echo "Start PostgreSQL: it goes on from $base to $moment, and then takes writes."
