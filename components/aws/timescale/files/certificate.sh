#!/bin/bash
# usage: certificate.sh FOLDER ADDRESS – a key that is made once and never leaves the server, and a certificate that it
# signs itself, for that address. Clients pin the certificate, so nobody has to be trusted to sign.
set -euo pipefail
umask 077
mkdir -p "$1"
key=$1/server.key certificate=$1/server.crt
[ -s "$key" ] || {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key.new" 2> /dev/null
  mv "$key.new" "$key"
  rm -f "$certificate"
}
openssl x509 -in "$certificate" -noout -checkip "$2" 2> /dev/null | grep -q 'does match' && exit 0
openssl req -x509 -key "$key" -days 3650 -subj "/CN=$2" -addext "subjectAltName=IP:$2" \
  -addext basicConstraints=critical,CA:FALSE -out "$certificate.new"
mv "$certificate.new" "$certificate"
