#!/bin/sh
# A block device appears or goes, as a volume does when it is attached to a server: the node and udev's name for it.
set -eu
by_id=/dev/disk/by-id
case $1 in
attach)
	mkdir -p "$by_id"
	rm -f "/dev/sd$5"
	mknod -m 0660 "/dev/sd$5" b "$3" "$4"
	chgrp disk "/dev/sd$5"
	ln -sfn "../../sd$5" "$by_id/scsi-0HC_Volume_$2"
	;;
detach)
	rm -f "$by_id/scsi-0HC_Volume_$2" "/dev/sd$5"
	;;
esac
