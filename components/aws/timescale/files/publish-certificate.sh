#!/bin/bash
# usage: publish-certificate.sh [new] – makes the server's certificate where it has none of its address, and publishes it
# for those who pin it. `new` throws key and certificate away first.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
folder=/var/lib/postgresql/tls # outlives the machine
[ "${1:-}" != new ] || rm -f $folder/server.key
/usr/local/lib/millwright/certificate.sh $folder "$(metadata local-ipv4)"
chown -R postgres: $folder
parameter=$(jq -n --arg name "$CERTIFICATE_PARAMETER" --rawfile value $folder/server.crt \
  '{Name: $name, Value: $value, Type: "String", Overwrite: true}')
signed ssm -H 'x-amz-target: AmazonSSM.PutParameter' -H 'content-type: application/x-amz-json-1.1' \
  --data "$parameter" "https://ssm.$REGION.amazonaws.com/" > /dev/null
systemctl reload postgresql@17-main pgbouncer 2> /dev/null || true # at the first start they do not run yet
