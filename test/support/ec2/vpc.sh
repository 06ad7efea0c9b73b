#!/bin/sh
# usage: unshare --net sh vpc.sh PYTHON KEYSTORE
# A network of its own with AWS in it: moto by TLS at 10.0.0.1, the metadata service where every instance looks for it.
set -e
cd "$(dirname "$0")"
ip link set lo up
ip link add vpc type bridge
ip address add 10.0.0.1/24 dev vpc
ip address add 169.254.169.254/32 dev vpc
ip link set vpc up
exec setpriv --pdeathsig KILL "$1" aws.py 10.0.0.1 "$2"
