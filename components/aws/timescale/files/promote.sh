#!/bin/bash
# Makes this replica the primary. The old one must be stopped first: docs/runbooks/timescale-on-aws.md.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
alone
if is_replica; then
  as_postgres psql -XqAtw -d postgres -c 'select pg_promote(true, 600)' | grep -qx t
else
  echo "this server is the primary already" >&2
fi
# Until then the control file names the old timeline, and pgBackRest makes no backup.
as_postgres psql -XqAtw -d postgres -c checkpoint
/usr/local/lib/millwright/set-passwords.sh
# PostgreSQL's archiver, refused while the replica's last look into the archive still ran, waits for a minute or for a new
# file of WAL: each check makes one.
for _ in {1..12}; do
  if backrest --archive-timeout=5 check; then exit; fi
done
fail "the WAL of this server does not reach the archive; it serves, but has no backup: pgbackrest --stanza=main check"
