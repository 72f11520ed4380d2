#!/bin/sh
# What a real server has from its kernel and firmware, before the first process of Debian runs.
set -eu
# Docker mounts these read-only; a server may set its kernel.
mount -o remount,rw /proc/sys 2>/dev/null || mount -o remount,rw,bind /proc/sys || :
# The machine that runs the stand-ins has one kernel for all: what the servers set is put back by the rehearsal.
for path in /sys/fs/cgroup/*; do
	[ -d "$path" ] && [ ! -L "$path" ] || continue
	name=${path##*/}
	# cgroup v1: Docker mounts each controller read-only, and a remount does not do.
	grep -q " $path cgroup " /proc/self/mounts || continue
	case $name in
	systemd) options=none,name=systemd ;;
	*) options=$(awk -v path="$path" '$2 == path && $3 == "cgroup" { print $4; exit }' /proc/self/mounts | tr , '\n' |
		grep -vxE 'ro|rw|nosuid|nodev|noexec|relatime|noatime|clone_children|xattr|release_agent=.*' | paste -sd, -) ;;
	esac
	umount "$path"
	mount -t cgroup -o "${options:-$name}" cgroup "$path"
done
# cgroup v2: one mount, writable.
if grep -q ' /sys/fs/cgroup cgroup2 ' /proc/self/mounts; then mount -o remount,rw /sys/fs/cgroup; fi
mount --make-rshared /
# Hetzner's metadata service answers at this address on every network.
ip route replace 169.254.169.254/32 dev eth0 2>/dev/null || :
# Volumes that are attached: lines `ID MAJOR MINOR LETTER`, kept by the rehearsal. /dev is new at each start.
if [ -s /etc/stand-in/volumes ]; then
	while read -r id major minor letter; do /etc/stand-in/volume attach "$id" "$major" "$minor" "$letter"; done </etc/stand-in/volumes
fi
# The firewall in front of the server is laid down from outside; nothing may come in before it is.
if [ -s /etc/stand-in/firewall.nft ]; then nft -f /etc/stand-in/firewall.nft; fi
exec /sbin/init
