#!/bin/sh
# usage: unshare --mount sh enter.sh ROOT FOLDER COMMAND…
# Runs COMMAND as `postgres` inside the Debian of ROOT, with FOLDER as /srv. The mounts live in the namespace that
# unshare made and go with its last process; the command ends with its parent, also by kill -9 (--pdeathsig).
set -e
root=$1 folder=$2
shift 2
mount --bind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount --bind "$folder" "$root/srv"
exec chroot "$root" setpriv --reuid=postgres --regid=postgres --init-groups --pdeathsig=INT "$@"
