#!/bin/bash
# Makes this machine the server, at every boot: from empty volumes or from those of the machine before it. It may be cut
# off anywhere and run again.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
alone

install_packages() {
  # An image of one's own may have them, and TimescaleDB as the community edition.
  local packages=(postgresql-17 pgbackrest pgbouncer jq curl openssl)
  [ -e /usr/lib/postgresql/17/lib/timescaledb.so ] || packages+=(postgresql-17-timescaledb)
  export DEBIAN_FRONTEND=noninteractive
  dpkg --configure -a # of a run that was cut off
  if [ "$(dpkg-query -Wf '${db:Status-Status}\n' "${packages[@]}" 2> /dev/null | grep -cx installed)" -lt ${#packages[@]} ]; then
    apt-get update -q
    apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=300 "${packages[@]}"
  fi
  dpkg -s amazon-ssm-agent > /dev/null 2>&1 && return
  local agent=amazon-ssm-$REGION/latest/debian_$(dpkg --print-architecture)/amazon-ssm-agent.deb
  curl -sSf --retry 5 -o /run/amazon-ssm-agent.deb "https://s3.$REGION.amazonaws.com/$agent"
  dpkg -i /run/amazon-ssm-agent.deb
}

# VOLUME FOLDER – a volume is attached when its machine runs already. Not in fstab: a machine without it must boot, too.
mount_volume() {
  local device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${1/-/} status=0
  ! mountpoint -q "$2" || return 0
  for _ in $(seq 600); do
    [ -b "$device" ] && break
    sleep 1
  done
  [ -b "$device" ] || fail "volume $1 was not attached within 10 minutes"
  blkid -p "$device" > /dev/null || status=$?
  # 2: no file system is known in it. Only one that was never written to is formatted.
  if [ $status = 2 ] && cmp -s -n 1048576 "$device" /dev/zero; then
    mkfs.ext4 -q -m 0 "$device"
  elif [ $status != 0 ]; then
    fail "volume $1 holds something that is no file system"
  fi
  mkdir -p "$2"
  mount -o noatime "$device" "$2"
  resize2fs "$device" 2> /dev/null # the volume may have grown
}

configure() {
  install -o root -g postgres -m 640 /etc/millwright/pgbackrest.conf /etc/pgbackrest.conf
  install -o root -g postgres -m 640 /etc/millwright/pgbouncer.ini /etc/pgbouncer/pgbouncer.ini
  install -d -o postgres -g postgres -m 750 /var/spool/pgbackrest
  # Another image may number its users otherwise.
  chown -R postgres: /var/lib/postgresql /var/lib/postgresql-wal
}

newest_timeline() { # of names like 0000000A.history and decimal numbers
  sed -n 's/^\([0-9A-F]\{8\}\)\.history$/0x\1/p; /^[0-9]\{1,7\}$/p' | xargs -r printf '%d\n' | sort -n | tail -n 1
}

# True where the peer was promoted while this one was away: its history has branched off ours. The archive says so, too,
# when the peer does not answer; where neither can be asked, nothing starts.
was_replaced() {
  local own databases database archive peer
  [ -n "$PEER_HOST" ] && ! is_replica && [ ! -e $CLUSTER/recovery.signal ] || return 1
  own=$({
    LC_ALL=C $POSTGRES/pg_controldata $CLUSTER | sed -n "s/^Latest checkpoint's TimeLineID: *//p"
    ls $WAL
  } | newest_timeline)
  databases=$(backrest repo-ls archive/main) || fail "the archive cannot be read"
  archive=$(for database in $databases; do
    [[ $database != 17-* ]] || backrest repo-ls "archive/main/$database" || exit 1
  done) || fail "the archive cannot be read"
  peer=$(as_postgres env PGPASSFILE=/etc/millwright/replication.pgpass PGCONNECT_TIMEOUT=10 psql -XqAtw -F ' ' \
    "host=$PEER_HOST user=replicator dbname=replication sslmode=require replication=true" -c IDENTIFY_SYSTEM |
    cut -d ' ' -f 2) || peer=0
  [ "$(printf '%s\n' "$archive" "${peer:-0}" | newest_timeline)" -gt "$own" ]
}

# The cluster's files: as they are, as the peer's, or new. Moved to their place when they are whole.
make_files() {
  local other
  other=$(find /var/lib/postgresql -mindepth 3 -maxdepth 3 -name PG_VERSION ! -path "$CLUSTER*")
  [ -z "$other" ] || fail "the data volume holds a cluster of another version of PostgreSQL: $other"
  if [ -e $UNFINISHED ]; then
    [ "$(cat $UNFINISHED)" = follow.sh ] || fail "restore.sh was cut off: run it again"
    /usr/local/lib/millwright/follow.sh
  elif [ -s $CLUSTER/PG_VERSION ]; then
    # Two primaries would part the data and mix the archive: who comes back second follows.
    ! was_replaced || /usr/local/lib/millwright/follow.sh
  elif [ "$ROLE" = replica ]; then
    until [ "$(backup_count)" -gt 0 ]; do sleep 5; done
    /usr/local/lib/millwright/follow.sh
  else
    # A person decides whether to restore or to promote the replica.
    [ "$(backup_count)" = 0 ] || fail "the data volume is empty, but there are backups of $NAME: restore.sh takes them up"
    rm -rf $CLUSTER.new $WAL
    install -d -o postgres -g postgres ${CLUSTER%/*}
    as_postgres $POSTGRES/initdb --pgdata=$CLUSTER.new --waldir=$WAL --encoding=UTF8 --locale=C.UTF-8 \
      --data-checksums --auth=scram-sha-256 --auth-local=peer > /dev/null
    mv $CLUSTER.new $CLUSTER
    sync -f $CLUSTER
  fi
}

# Debian's own way to run it. Only this script starts it: who was replaced must not come back as a primary.
take_up_cluster() {
  local file settings=/etc/postgresql/17/main/conf.d/millwright.conf
  if [ ! -s $settings ]; then
    rm -rf /etc/postgresql/17/main
    # It wants to move these to /etc; those of the machine before went with it.
    for file in postgresql pg_hba pg_ident; do
      install -o postgres -g postgres -m 600 "/usr/share/postgresql/17/$file.conf.sample" "$CLUSTER/$file.conf"
    done
    pg_createcluster --start-conf=manual 17 main
    sync
  fi
  install -m 644 /etc/millwright/postgresql.conf $settings
}

start() {
  systemctl daemon-reload
  systemctl start postgresql@17-main || fail "$(tail -n 20 /var/log/postgresql/postgresql-17-main.log)"
  # After a restore it replays the archive first.
  until is_replica || [ "$(as_postgres psql -XqAtw -d postgres -c 'select pg_is_in_recovery()' 2> /dev/null)" = f ]; do
    systemctl is-active --quiet postgresql@17-main || fail "$(tail -n 20 /var/log/postgresql/postgresql-17-main.log)"
    sleep 1
  done
}

install_packages
mount_volume "$DATA_VOLUME" /var/lib/postgresql
mount_volume "$WAL_VOLUME" /var/lib/postgresql-wal
configure
/usr/local/lib/millwright/publish-certificate.sh
/usr/local/lib/millwright/set-passwords.sh
make_files
take_up_cluster
start
/usr/local/lib/millwright/set-passwords.sh
systemctl enable pgbouncer
systemctl restart pgbouncer
if ! is_replica; then
  backrest stanza-create
  backrest check
  [ "$(backup_count)" -gt 0 ] || backrest --type=full backup
fi
systemctl enable --now millwright-backup-full.timer millwright-backup-incr.timer millwright-metrics.timer
