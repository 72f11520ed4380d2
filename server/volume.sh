# shellcheck shell=sh
# The guard of the data: Redis and Postgres run on the volume with this id or not at all. A file system is made only on a device
# where nothing is found, on a host that never recorded a volume. While the volume is away, the mount point is an empty,
# closed directory: a service started by mistake fails, and does not begin an empty database on the root disk.

volume_command() {
  [ -f "$ETC/host.env" ] || { say "volume: required: /etc/berth/host.env; found: no such file. The first release lays it down"; return 1; }
  load_env "$ETC/host.env"
  guard_volume
}

# Needs BERTH_VOLUME_ID, BERTH_VOLUME_DEVICE, BERTH_MOUNT. BERTH_VOLUME_WAIT (s): the device appears after the server boots.
guard_volume() {
  # A node that keeps nothing has none.
  [ -n "$BERTH_VOLUME_ID" ] || return 0
  point=$ROOT$BERTH_MOUNT
  device=$ROOT$BERTH_VOLUME_DEVICE
  if ! mountpoint -q "$point"; then
    await_device || return 1
    mkdir -p "$STATE"
    mount_alone 8>"$STATE/volume.lock" || return 1
  fi
  check_sentinel && grow_mounted
}

# A release and the volume's unit may both have waited for the device; the second finds it mounted.
mount_alone() {
  flock -w 900 8 || { volume_fault "another guard has been at work for 900 s" "one guard" "look at: systemctl status berth-volume"; return; }
  mountpoint -q "$point" && return 0
  close_mountpoint && ensure_filesystem && grow_unmounted && mount_volume
}

await_device() {
  # Hetzner attaches volumes within seconds of the boot; slower than this is a fault to look at.
  wait_until "${BERTH_VOLUME_WAIT:-90}" test -e "$device" && return 0
  volume_fault "no such device after ${BERTH_VOLUME_WAIT:-90} s" "device $BERTH_VOLUME_DEVICE" \
    "attach volume $BERTH_VOLUME_ID to this server: it is taken up within a minute, without a reboot; nothing was started and nothing written"
}

close_mountpoint() {
  hidden=$(find "$point" -mindepth 1 -maxdepth 1 2>/dev/null | head -n 3 | tr '\n' ' ')
  if [ -n "$hidden" ]; then
    volume_fault "on the root disk: $hidden" "an empty mount point" \
      "move them away: they would be hidden by the volume"
    return
  fi
  mkdir -p "$point"
  # Root ignores the mode, but not the immutable flag; a file system without such flags has the mode alone.
  chmod 0000 "$point" 2>/dev/null || :
  chattr +i "$point" 2>/dev/null || :
}

ensure_filesystem() {
  # blkid answers 2 for an unreadable device too: read it first, so that only an empty one counts as empty.
  if ! dd if="$device" of=/dev/null bs=4096 count=16 2>/dev/null; then
    volume_fault "$BERTH_VOLUME_DEVICE cannot be read" "a readable device" "look at: dmesg | tail"
    return
  fi
  probe=0
  signature=$(blkid -p "$device" 2>/dev/null) || probe=$?
  if [ "$probe" -eq 2 ] && [ -z "$signature" ]; then
    recorded=$(first_line "$STATE/volume")
    if [ -n "$recorded" ]; then
      volume_fault "$BERTH_VOLUME_DEVICE is empty, and this host once recorded volume $recorded" "the file system with the data" \
        "attach the right volume; to begin with an empty one on purpose, remove $STATE/volume first"
      return
    fi
    say "volume: making a file system on $BERTH_VOLUME_DEVICE"
    bounded 600 mkfs.ext4 -q -L berth "$device" >&2 || { volume_fault "mkfs.ext4 failed" "a device of one's own" "look at: dmesg | tail"; return; }
    return 0
  fi
  case $signature in
    *'TYPE="ext4"'*) ;;
    *) volume_fault "${signature:-blkid exit $probe}" "ext4, or nothing, on $BERTH_VOLUME_DEVICE" "attach another volume, or empty this one yourself"; return ;;
  esac
  checked=0
  bounded 900 e2fsck -p "$device" >/dev/null 2>&1 || checked=$?
  # 0 clean, 1 and 2 repaired; 4 and more: errors that want a person.
  [ "$checked" -lt 4 ] || volume_fault "e2fsck -p exit $checked" "a clean file system" "run: e2fsck $BERTH_VOLUME_DEVICE"
}

mount_volume() {
  bounded 60 mount -t ext4 -o noatime,nodev,nosuid,noexec,errors=remount-ro "$device" "$point" ||
    volume_fault "mount failed" "$BERTH_VOLUME_DEVICE mounted on $BERTH_MOUNT" "look at: dmesg | tail"
}

# A volume that was grown at Hetzner is a larger device with the same file system in it. Less than 16 MiB is what mkfs left over at the end.
device_is_larger() {
  device_bytes=$(bounded 10 blockdev --getsize64 "$device" 2>/dev/null) || return 1
  filesystem_bytes=$(bounded 30 dumpe2fs -h "$device" 2>/dev/null | awk -F: '$1 == "Block count" { count = $2 } $1 == "Block size" { size = $2 } END { if (count && size) printf "%.0f", count * size }') || return 1
  { [ -n "$device_bytes" ] && [ -n "$filesystem_bytes" ]; } || return 1
  [ $((device_bytes - filesystem_bytes)) -ge 16777216 ]
}

# Not mounted, resize2fs wants a whole check first.
grow_unmounted() {
  device_is_larger || return 0
  say "volume: growing the file system to the device, $device_bytes bytes"
  bounded 1800 e2fsck -f -p "$device" >/dev/null 2>&1 || [ $? -lt 4 ] || { say "volume: not grown: e2fsck -f found errors"; return 0; }
  bounded 900 resize2fs "$device" >&2 || say "volume: not grown: resize2fs failed; the data is as it was"
}

# While it is used: the kernel can, and nothing stops. A failure is no reason to keep the data services from it: the verification warns.
grow_mounted() {
  device_is_larger || return 0
  say "volume: growing the file system to the device, $device_bytes bytes"
  bounded 900 resize2fs "$device" >&2 || say "volume: not grown while it is mounted; the next boot grows it before it is mounted"
}

check_sentinel() {
  seen=$(first_line "$point/.berth-volume")
  recorded=$(first_line "$STATE/volume")
  if [ -z "$seen" ] && [ "$recorded" = "" ]; then
    printf '%s\n' "$BERTH_VOLUME_ID" | write_file "$point/.berth-volume"
    seen=$BERTH_VOLUME_ID
  fi
  if [ "$seen" != "$BERTH_VOLUME_ID" ]; then
    volume_fault "$BERTH_MOUNT/.berth-volume says '$seen'; this host recorded '$recorded'" "volume $BERTH_VOLUME_ID" \
      "unmount $BERTH_MOUNT and attach volume $BERTH_VOLUME_ID, or set berth:volume.id to the volume that is meant"
    return
  fi
  [ "$recorded" = "$seen" ] || printf '%s\n' "$seen" | write_file "$STATE/volume"
  say "volume: $BERTH_VOLUME_ID on $BERTH_MOUNT"
}

# volume_fault SEEN EXPECTED ADVICE
volume_fault() {
  fault host release.volume "$@"
  return 1
}

# Each service's directory on the volume, owned by the uid that writes it.
ensure_directories() {
  own_directory redis "$BERTH_REDIS_UID" && own_directory postgres "$BERTH_POSTGRES_UID" && own_directory caddy "$BERTH_PROXY_UID"
}

# own_directory NAME UID; without a uid the service is not on this node.
own_directory() {
  [ -n "$2" ] || return 0
  directory=$ROOT$BERTH_MOUNT/$1
  [ -d "$directory" ] || { mkdir "$directory" && chmod 0700 "$directory"; } || return 1
  if [ "$(stat -c %u "$directory")" != "$2" ]; then
    say "volume: $BERTH_MOUNT/$1 now belongs to uid $2"
    bounded 600 chown -R "$2:$2" "$directory"
  fi
}

# A Redis with a dump and no append-only manifest starts empty when told to append: 1000 keys become none.
refuse_dump_trap() {
  data=$ROOT$BERTH_MOUNT/redis
  [ -n "$BERTH_REDIS_UID" ] || return 0
  [ -e "$data/dump.rdb" ] || return 0
  for manifest in "$data"/appendonlydir/*.manifest; do [ -e "$manifest" ] && return 0; done
  fault host release.dump "$BERTH_MOUNT/redis/dump.rdb without appendonlydir/*.manifest" "append-only files, or no data" \
    "started with appendonly yes, Redis would ignore the dump and begin empty. With Redis stopped: mkdir appendonlydir; copy dump.rdb to appendonlydir/appendonly.aof.1.base.rdb; write the line 'file appendonly.aof.1.base.rdb seq 1 type b' to appendonlydir/appendonly.aof.manifest; give all to uid $BERTH_REDIS_UID; move dump.rdb away. Then release again"
  return 1
}
