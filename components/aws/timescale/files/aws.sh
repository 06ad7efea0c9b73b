# Sourced. AWS by curl with the instance's role; keys and tokens go by pipe, never by argument.
. /etc/millwright/timescale.env
METADATA=http://169.254.169.254/latest
CLUSTER=/var/lib/postgresql/17/main
WAL=/var/lib/postgresql-wal/17
POSTGRES=/usr/lib/postgresql/17/bin
UNFINISHED=/var/lib/postgresql/17/unfinished # there while a restore fills the cluster: the script that does it

metadata() {
  local token
  token=$(curl -sSf --retry 5 -X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' $METADATA/api/token)
  printf 'header = "x-aws-ec2-metadata-token: %s"\n' "$token" |
    curl -sSf --retry 5 --config - "$METADATA/meta-data/$1"
}

signed() { # SERVICE CURL-ARGUMENT…
  local role
  role=$(metadata iam/security-credentials/)
  metadata "iam/security-credentials/$role" |
    jq -r '"user = \"\(.AccessKeyId):\(.SecretAccessKey)\"", "header = \"x-amz-security-token: \(.Token)\""' |
    curl -sSf --retry 5 --max-time 30 --config - --aws-sigv4 "aws:amz:$REGION:$1" "${@:2}"
}

logins() {
  signed secretsmanager -H 'x-amz-target: secretsmanager.GetSecretValue' \
    -H 'content-type: application/x-amz-json-1.1' --data "{\"SecretId\":\"$LOGINS_SECRET\"}" \
    "https://secretsmanager.$REGION.amazonaws.com/" | jq -r .SecretString
}

fail() {
  echo "$*" >&2
  exit 1
}

# One of setup, restore, follow and promote at a time; what one of them calls runs under its lock.
alone() {
  [ -z "${ALONE-}" ] || return 0
  export ALONE=yes
  exec 9> /run/millwright.lock
  flock 9
}

as_postgres() { (cd / && runuser -u postgres -- "$@"); }
backrest() { as_postgres pgbackrest --stanza=main "$@"; }
is_replica() { [ -e $CLUSTER/standby.signal ]; }

# How many backups there are; fails where S3 does not say.
backup_count() {
  backrest info --output=json |
    jq 'if any(.[].status.code; . == 99) then error("the backups cannot be read") else map(.backup | length) | add // 0 end'
}

# SCRIPT RESTORE-OPTION… – files of the newest backup over what is there; a cut leaves $UNFINISHED and no server that starts
restore_files() {
  local delta=(--delta)
  ! pgrep -x postgres > /dev/null || fail "PostgreSQL still runs"
  rm -f $CLUSTER/postmaster.pid # of a machine that was lost
  install -d -o postgres -g postgres -m 700 ${CLUSTER%/*} $CLUSTER $WAL
  if [ -z "$(ls -A $CLUSTER)" ]; then
    delta=()
    find $WAL -mindepth 1 -delete # of a data volume that is gone; pgBackRest wants an empty folder
  fi
  echo "$1" > $UNFINISHED
  sync -f $UNFINISHED
  backrest "${delta[@]}" "${@:2}" restore || {
    # pgBackRest takes this away before it changes anything: it changed nothing.
    [ ! -e $CLUSTER/global/pg_control ] || rm $UNFINISHED
    fail "no files were restored"
  }
  rm $UNFINISHED
  sync -f $CLUSTER
}
