#!/bin/bash
# Makes this machine the server, from empty volumes or from those of the machine before it. Every step may run again.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh

mount_volume() { # VOLUME FOLDER
  local device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${1/-/} status=0
  for _ in $(seq 600); do
    [ -b "$device" ] && break
    sleep 1
  done
  [ -b "$device" ] || { echo "volume $1 was not attached within 10 minutes" >&2; exit 1; }
  # 2 means looked at and empty. Nothing else is a reason to format.
  blkid -p "$device" > /dev/null || status=$?
  case $status in
    0) ;;
    2) mkfs.ext4 -q -m 0 "$device" ;;
    *) echo "volume $1 cannot be read" >&2; exit 1 ;;
  esac
  mkdir -p "$2"
  grep -q " $2 " /etc/fstab ||
    echo "$device $2 ext4 noatime,x-systemd.growfs,x-systemd.device-timeout=10min 0 2" >> /etc/fstab
  mountpoint -q "$2" || mount "$2"
}

install_packages() {
  # An image of one's own may have them, and TimescaleDB as the community edition.
  local packages=(postgresql-17 pgbackrest pgbouncer jq curl openssl)
  [ -e /usr/lib/postgresql/17/lib/timescaledb.so ] || packages+=(postgresql-17-timescaledb)
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -qy --no-install-recommends "${packages[@]}"
  dpkg -s amazon-ssm-agent > /dev/null 2>&1 && return
  local agent=amazon-ssm-$REGION/latest/debian_$(dpkg --print-architecture)/amazon-ssm-agent.deb
  curl -sSf --retry 5 -o /run/amazon-ssm-agent.deb "https://s3.$REGION.amazonaws.com/$agent"
  dpkg -i /run/amazon-ssm-agent.deb
}

configure() {
  install -o root -g postgres -m 640 /etc/millwright/pgbackrest.conf /etc/pgbackrest.conf
  install -o root -g postgres -m 640 /etc/millwright/pgbouncer.ini /etc/pgbouncer/pgbouncer.ini
  install -d -o postgres -g postgres -m 750 /var/spool/pgbackrest
  # Another image may number its users otherwise.
  chown -R postgres: /var/lib/postgresql /var/lib/postgresql-wal
}

# True where the peer was promoted while this one was away: its history has branched off ours.
was_replaced() {
  [ -n "$PEER_HOST" ] && ! is_replica || return 1
  local own peer
  own=$(LC_ALL=C /usr/lib/postgresql/17/bin/pg_controldata $CLUSTER | sed -n "s/^Latest checkpoint's TimeLineID: *//p")
  peer=$(as_postgres env PGPASSFILE=/etc/millwright/replication.pgpass PGCONNECT_TIMEOUT=10 psql -XqAt -F ' ' \
    "host=$PEER_HOST user=replicator sslmode=require replication=true" -c IDENTIFY_SYSTEM | cut -d ' ' -f 2) || return 1
  [ "${peer:-0}" -gt "$own" ]
}

take_up_cluster() {
  # Debian wants to move these to /etc; those of the machine before went with it. Settings are in conf.d, and the rules
  # of access in our own file.
  local file
  for file in postgresql pg_hba pg_ident; do
    install -o postgres -g postgres -m 600 "/usr/share/postgresql/17/$file.conf.sample" "$CLUSTER/$file.conf"
  done
  pg_createcluster 17 main
}

make_cluster() {
  [ -d /etc/postgresql/17/main ] && return
  if [ -s $CLUSTER/PG_VERSION ]; then
    # Two primaries would part the data and mix the archive: who comes back second follows.
    ! was_replaced || /usr/local/lib/millwright/follow.sh
    take_up_cluster
  elif [ "$ROLE" = primary ]; then
    pg_createcluster 17 main --encoding=UTF8 --locale=C.UTF-8 -- \
      --data-checksums --waldir=/var/lib/postgresql-wal/17
  else
    until backrest info --output=json | jq -e '.[0].backup | length > 0' > /dev/null; do sleep 5; done
    /usr/local/lib/millwright/follow.sh
    take_up_cluster
  fi
  install -m 644 /etc/millwright/postgresql.conf /etc/postgresql/17/main/conf.d/millwright.conf
}

mount_volume "$DATA_VOLUME" /var/lib/postgresql
mount_volume "$WAL_VOLUME" /var/lib/postgresql-wal
install_packages
configure
/usr/local/lib/millwright/publish-certificate.sh
/usr/local/lib/millwright/set-passwords.sh
make_cluster
systemctl daemon-reload
systemctl start postgresql@17-main
/usr/local/lib/millwright/set-passwords.sh
systemctl enable pgbouncer
systemctl restart pgbouncer
if ! is_replica; then
  backrest stanza-create
  backrest check
  [ "$(backrest info --output=json | jq '.[0].backup | length')" -gt 0 ] || backrest --type=full backup
fi
systemctl enable --now millwright-backup-full.timer millwright-backup-incr.timer millwright-metrics.timer
