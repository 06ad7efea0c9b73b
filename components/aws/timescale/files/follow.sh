#!/bin/bash
# Makes this server a replica of its peer: files from the newest backup, the rest from the archive, then by streaming.
# What differs here is overwritten: a primary that was replaced comes back this way.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
alone
[ -n "$PEER_HOST" ] || fail "this server has no peer"

was_running=no
systemctl is-active --quiet postgresql@17-main && was_running=yes && systemctl stop postgresql@17-main
/usr/local/lib/millwright/set-passwords.sh
# The password file is named, so that a rotation changes a file and no setting.
restore_files follow.sh --type=standby --recovery-option="primary_conninfo=host=$PEER_HOST port=5432 user=replicator \
sslmode=require passfile=/etc/millwright/replication.pgpass application_name=$NAME"
[ $was_running = no ] || systemctl start postgresql@17-main
