#!/bin/sh
# base.sh FOLDER KEEP: a base backup into FOLDER/base/<moment>; then all but the newest KEEP of them go,
# and of FOLDER/log what only those needed. What fails leaves all that was there.
set -eu
folder=$1 keep=$2
unfinished=$folder/base/.unfinished
mkdir -p "$folder/base"
rm -rf "$unfinished"
trap 'rm -rf "$unfinished"' EXIT
pg_basebackup --no-password --checkpoint=fast -D "$unfinished"
sync -f "$unfinished"
# It serves every moment after its end.
mv "$unfinished" "$folder/base/$(date -u +%Y-%m-%dT%H%M%SZ)"
ls -1 "$folder/base" | sort -r | tail -n +$((keep + 1)) | while read -r old; do
    rm -rf "${folder:?}/base/$old"
done
oldest=$(ls -1 "$folder/base" | sort | head -1)
needed=$(sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]*\))$/\1/p' "$folder/base/$oldest/backup_label")
pg_archivecleanup "$folder/log" "$needed"
