#!/bin/bash
# usage: restore.sh SERVER latest|TIME – TIME as '2026-11-22 02:00:00+00'. Takes the primary back to its newest state in
# the archive or to TIME, in place or onto an empty volume; what came later is gone from this server. Naming the server
# guards against the wrong one. The replica follows afterwards (follow.sh). Cut off or failed, it may run again.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
[ $# = 2 ] && [ "$1" = "$NAME" ] || { echo "usage: restore.sh $NAME latest|TIME" >&2; exit 2; }
is_replica && fail "this is the replica: restore the primary"
alone

target=(--type=default)
[ "$2" = latest ] || target=(--type=time "--target=$2" --target-action=promote)
systemctl stop postgresql@17-main
# A time before all backups has changed nothing: the server goes on.
trap '[ -e $UNFINISHED ] || systemctl start postgresql@17-main' EXIT
restore_files restore.sh "${target[@]}"
trap - EXIT
/usr/local/lib/millwright/setup.sh
backrest --type=full backup
