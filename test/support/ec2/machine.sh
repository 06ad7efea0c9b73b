#!/bin/sh
# usage: unshare --mount --net --pid --uts --ipc --cgroup --fork --kill-child sh machine.sh ROOT FOLDER VPC-PID ADDRESS VOLUME…
# Boots the Debian of ROOT with systemd, unchanged below an overlay in FOLDER, with FOLDER/seed copied in, attached to the
# network of VPC-PID, with each VOLUME (ID=FILE) as a block device below /dev/disk/detached: who attaches it moves it to
# by-id. A folder that was booted before is that machine again. Everything goes with its first process.
set -e
root=$1 folder=$2 vpc=/proc/$3/ns/net address=$4
shift 4

port=v${address##*.}
ip link set lo up
ip link add "$port" type veth peer name eth0
ip link set "$port" netns "$vpc"
nsenter "--net=$vpc" ip link set "$port" master vpc up
ip address add "$address/24" dev eth0
ip link set eth0 up
ip route add 169.254.169.254 dev eth0

mkdir -p "$folder/upper" "$folder/work" "$folder/merged"
mount -t overlay -o "lowerdir=$root,upperdir=$folder/upper,workdir=$folder/work" overlay "$folder/merged"
cd "$folder/merged"
cp -R "$folder/seed/." .
ln -sf /dev/null etc/systemd/system/console-getty.service

mount -t tmpfs -o mode=755 tmpfs dev
mkdir -p dev/pts dev/shm dev/disk/by-id dev/disk/detached
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 console:1:3; do
  IFS=: read -r name major minor << EOF
$node
EOF
  mknod -m 666 "dev/$name" c "$major" "$minor"
done
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=1777 tmpfs dev/shm
for volume in "$@"; do
  id=${volume%%=*} device=$(losetup --find --show "${volume#*=}")
  # Detached when its last user is gone: the holder, and what mounts it.
  exec 9< "$device"
  losetup --detach "$device"
  sleep infinity <&9 > /dev/null 2>&1 &
  exec 9<&-
  mknod "dev/${device#/dev/}" b 7 "${device#/dev/loop}"
  ln -s "$device" "dev/disk/detached/nvme-Amazon_Elastic_Block_Store_$(echo "$id" | tr -d -)"
done

mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
chroot . update-ca-certificates > /dev/null 2>&1
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt; exec env -i container=test PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --show-status=no'
