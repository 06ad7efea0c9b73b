#!/bin/sh
# Starts the command line on the Node 24 of this installation, whatever the machine has. It is called through the
# links of node_modules/.bin and of npx, so it first finds the file behind them.
set -eu

self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=$(dirname "$self")/$target ;;
  esac
done
root=$(CDPATH='' cd -- "$(dirname "$self")/../.." && pwd -P)

node=$root/node_modules/.bin/node
[ -x "$node" ] || node=node

major=$("$node" -p 'process.versions.node.split(".")[0]' 2>/dev/null) || major=0
if [ "$major" -lt 24 ]; then
  echo "error: Millwright needs Node 24, and '$node' is Node $major (node-too-old)." >&2
  echo "Run 'npm ci' in $root: it brings Node 24 with it. Where npm blocks install scripts, run" >&2
  echo "'npm rebuild node' there, or install Node 24 from https://nodejs.org." >&2
  exit 1
fi
exec "$node" "$root/automation/cli/main.ts" "$@"
