#!/bin/bash
# usage: restore.sh SERVER latest|TIME – TIME as '2026-11-22 02:00:00+00'. Takes the primary back to its newest state in
# the archive or to TIME, in place; what came later is gone from this server. Naming the server guards against the wrong
# one. The replica follows afterwards (follow.sh).
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
[ $# = 2 ] && [ "$1" = "$NAME" ] || { echo "usage: restore.sh $NAME latest|TIME" >&2; exit 2; }
is_replica && { echo "this is the replica: restore the primary" >&2; exit 1; }

target=(--type=default)
[ "$2" = latest ] || target=(--type=time "--target=$2" --target-action=promote)
systemctl stop postgresql@17-main
backrest --delta "${target[@]}" restore
systemctl start postgresql@17-main
until [ "$(as_postgres psql -XqAt -d postgres -c 'select pg_is_in_recovery()')" = f ]; do sleep 1; done
/usr/local/lib/millwright/set-passwords.sh # those of the backup may be older
backrest --type=full backup
