#!/bin/bash
# Makes this replica the primary. The old one must be stopped first: docs/runbooks/timescale-on-aws.md.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
is_replica || { echo "this server is the primary already" >&2; exit 0; }

as_postgres psql -XqAt -d postgres -c 'select pg_promote(true, 600)' | grep -qx t
/usr/local/lib/millwright/set-passwords.sh
backrest check
