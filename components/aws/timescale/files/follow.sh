#!/bin/bash
# Makes this server a replica of its peer: files from the newest backup, the rest from the archive, then by streaming.
# What differs here is overwritten: a primary that was replaced comes back this way.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
[ -n "$PEER_HOST" ] || { echo "this server has no peer" >&2; exit 1; }

was_running=no
systemctl is-active --quiet postgresql@17-main && was_running=yes && systemctl stop postgresql@17-main
/usr/local/lib/millwright/set-passwords.sh
install -d -o postgres -g postgres -m 700 $CLUSTER /var/lib/postgresql-wal/17
delta=()
[ -s $CLUSTER/PG_VERSION ] && delta=(--delta)
# The password file is named, so that a rotation changes a file and no setting.
backrest --type=standby "${delta[@]}" --recovery-option="primary_conninfo=host=$PEER_HOST port=5432 user=replicator \
sslmode=require passfile=/etc/millwright/replication.pgpass application_name=$NAME" restore
[ $was_running = no ] || systemctl start postgresql@17-main
