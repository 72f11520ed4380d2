# shellcheck shell=sh
# The facts stream of docs/architecture.md: sections of raw output, to be parsed and judged by the verifier. A command that
# fails leaves its section empty, and the verifier says that it does not know. Needs the release loaded.

facts() {
  ids=$(project_containers 2>/dev/null) || ids=
  section release; printf '%s\n' "$1"
  section baseline; raw cat "$STATE/baseline"
  raw sed 's/^@@ /@@ before./' "$STATE/standing"
  # shellcheck disable=SC2086 # ids and images are words
  { section inspect; raw docker_json inspect $ids; section images; raw docker_json image inspect $BERTH_IMAGES; }
  section compose-hashes; raw compose 20 "$1" config --hash '*' </dev/null
  section containers; raw bounded 20 docker ps -a --no-trunc --format '{{json .}}'
  section listeners; raw bounded 10 ss -H -tulnp
  section sysctl
  for name in vm.overcommit_memory vm.swappiness net.core.somaxconn; do
    # cat, not the shell's read: that asks byte by byte, and the kernel answers such a file only once.
    printf '%s = %s\n' "$name" "$(raw cat "$ROOT/proc/sys/$(printf %s "$name" | tr . /)")"
  done
  section hugepages; raw cat "$ROOT/sys/kernel/mm/transparent_hugepage/enabled"
  pids=$(container_pids 2>/dev/null) || pids=
  section redis-status; raw redis_status
  section meminfo; raw cat "$ROOT/proc/meminfo"
  section mounts; raw cat "$ROOT/proc/self/mountinfo"
  section volume
  if [ -n "$BERTH_VOLUME_ID" ]; then
    printf 'device %s\nid %s\nsentinel %s\nmountpoint %s\n' "$(readlink -f "$ROOT$BERTH_VOLUME_DEVICE" || :)" "$BERTH_VOLUME_ID" \
      "$(first_line "$ROOT$BERTH_MOUNT/.berth-volume")" "$BERTH_MOUNT"
    printf 'bytes %s\n' "$(raw bounded 10 blockdev --getsize64 "$ROOT$BERTH_VOLUME_DEVICE")"
  fi
  section disk; raw bounded 10 df -B1 --output=target,size,avail "$ROOT$BERTH_MOUNT" "$ROOT/"
  section aof; raw aof_bytes
  section cgroup; raw cgroup_lines
  section docker-user; raw bounded 10 iptables -w 5 -S FORWARD; raw bounded 10 iptables -w 5 -S DOCKER-USER
  section host-table; raw bounded 10 nft list table inet berth
  section drift; raw drift "$1"
  section sockets; raw remote_sockets
  [ -z "$BERTH_DOMAIN" ] || { section certificate; raw certificate; }
}

# Lines CONTAINER_ID PORT: which container holds which local port of a connection to a Redis on another node. Redis sees them all under this
# node's address, and Docker keeps the port. 18EB is 6379 in hexadecimal, 01 established.
remote_sockets() {
  { [ -n "$BERTH_PRIVATE_ADDRESS" ] && [ -z "$BERTH_REDIS_UID" ]; } || return 0
  printf '%s\n' "$pids" | while read -r id pid; do
    [ -n "$pid" ] || continue
    cat "$ROOT/proc/$pid/net/tcp" "$ROOT/proc/$pid/net/tcp6" 2>/dev/null |
      awk '$4 == "01" && $3 ~ /:18EB$/ { sub(/.*:/, "", $2); print $2 }' |
      while read -r port; do printf '%s %d\n' "$id" "0x$port"; done
  done
}

# Of what the proxy serves under the domain, seen from the host itself: DNS has no part in it. `none` when it was looked at and there is none; nothing
# when it could not be looked at.
certificate() {
  looked=0
  served=$(bounded 10 openssl s_client -connect 127.0.0.1:443 -servername "$BERTH_DOMAIN" </dev/null) || looked=$?
  case $looked:$served in
    *"BEGIN CERTIFICATE"*) printf '%s\n' "$served" | bounded 10 openssl x509 -noout -startdate -enddate -issuer ;;
    # Its own code for a connection that came to nothing.
    0:* | 1:*) echo none ;;
  esac
}

section() { printf '@@ %s\n' "$1"; }
raw() { "$@" 2>/dev/null || :; }

# `docker inspect` prints an empty array and fails when one of many is missing; without names it prints usage.
docker_json() {
  case $1 in
    inspect) [ $# -gt 1 ] ;;
    *) [ $# -gt 2 ] ;;
  esac || { printf '[]\n'; return; }
  bounded 20 docker "$@"
}

# With `init: true` the container's first process is docker-init, and Redis its child.
redis_status() {
  redis=$(service_container redis)
  pid=$(printf '%s\n' "$pids" | sed -n "s/^$redis //p")
  for depth in 1 2 3 4; do
    { [ -n "$redis" ] && [ -n "$pid" ]; } || return 0
    if grep -q '^Name:[[:space:]]*redis' "$ROOT/proc/$pid/status" || [ "$depth" = 4 ]; then break; fi
    pid=$(pgrep -P "$pid" | head -n 1)
  done
  cat "$ROOT/proc/$pid/status"
}

aof_bytes() {
  if [ -d "$ROOT$BERTH_MOUNT/redis/appendonlydir" ]; then du -sb "$ROOT$BERTH_MOUNT/redis/appendonlydir" | cut -f 1; else echo 0; fi
}

cgroup_lines() {
  if [ -e "$ROOT/sys/fs/cgroup/cgroup.controllers" ]; then cpu=cpu.weight; else cpu=cpu.shares; fi
  printf '%s\n' "$pids" | while read -r id pid; do
    [ -n "$pid" ] || continue
    printf '%s oom %s\n' "$id" "$(oom_kills "$pid")"
    file=$(cgroup_file "$pid" cpu $cpu) && printf '%s %s %s\n' "$id" "$cpu" "$(raw cat "$file")"
  done
}

# Laid-down files whose bytes are no longer those of their name, or of the release.
drift() {
  grep -oE '/opt/berth/(files|verifier)/[0-9a-f]{12}[A-Za-z0-9._-]*' "$(release_dir "$1")/compose.yaml" | sort -u | while read -r path; do
    name=${path##*/}
    case $(sha256sum "$ROOT$path" 2>/dev/null) in
      "$(printf %.12s "$name")"*) ;;
      *) printf '%s\n' "$path" ;;
    esac
  done
  # compose.yaml, release.env, and the scripts; those from before this have no sums.
  cat "$(release_dir "$1")/sums" "$OPT/scripts/$(release_value "$1" BERTH_SCRIPTS)/sums" 2>/dev/null | sed "s,  /,  $ROOT/," |
    sha256sum --check --quiet 2>/dev/null | sed -n "s,^$ROOT\(/.*\): FAILED.*,\1,p"
  [ -d "$(release_dir "$1")/host" ] || return 0
  (cd "$(release_dir "$1")/host" && find . -type f | sort) | while read -r path; do
    cmp -s "$(release_dir "$1")/host/$path" "$ROOT/$path" || printf '%s\n' "${path#.}"
  done
}
