#!/bin/bash
# usage: backup.sh full|incr – the replica's timer does nothing: the primary's backup is the one.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
is_replica || backrest --type="$1" backup
