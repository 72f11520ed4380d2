# shellcheck shell=sh
# Counters as they were before a release began: what they rise by afterwards is the release's own.

record_baseline() {
  {
    ids=$(project_containers) || ids=
    if [ -n "$ids" ]; then
      # shellcheck disable=SC2086 # ids are words
      bounded 20 docker inspect --format 'restarts {{.ID}} {{.RestartCount}}' $ids
      container_pids | while read -r id pid; do
        printf 'oom %s %s\n' "$id" "$(oom_kills "$pid")"
      done
    fi
    redis_counters
  } | write_file "$STATE/baseline"
  record_standing
}

# Lines ID PID of the running containers.
container_pids() {
  ids=$(project_containers)
  [ -n "$ids" ] || return 0
  # shellcheck disable=SC2086 # ids are words
  bounded 20 docker inspect --format '{{.ID}} {{.State.Pid}}' $ids | grep -v ' 0$' || :
}

# Redis says them itself. The password goes in on standard input: no argument, no `docker inspect` holds it.
redis_counters() {
  [ -n "$(service_container redis)" ] || return 0
  for release in "$(good_release)" "$(first_line "$STATE/current")" "$BERTH_RELEASE"; do
    { [ -n "$release" ] && [ -f "$(release_dir "$release")/release.env" ]; } || continue
    secret=$(release_value "$release" BERTH_REDIS_SECRET)
    { [ -n "$secret" ] && [ -r "$ROOT$secret" ]; } || continue
    info=$(redis_info "$ROOT$secret") || continue
    printf '%s\n' "$info" | tr -d '\r' | awk -F: '
      $1 == "run_id" { run = $2 } $1 == "evicted_keys" { evicted = $2 } $1 == "rejected_connections" { rejected = $2 }
      END { if (run != "") print "redis", run, "evicted_keys", evicted, "rejected_connections", rejected; else exit 1 }' && return 0
  done
  say "baseline: Redis does not answer; its counters are not known"
}

redis_info() {
  # shellcheck disable=SC2016 # the container's shell expands it
  bounded 5 docker exec -i "$(service_container redis)" sh -c \
    'IFS= read -r REDISCLI_AUTH || :; export REDISCLI_AUTH; exec redis-cli --no-auth-warning INFO' <"$1" 2>/dev/null
}

# Control group file of a process: cgroup_file PID CONTROLLER FILE. Version 2 has one tree, version 1 one for each controller.
cgroup_file() {
  [ -r "$ROOT/proc/$1/cgroup" ] || return 1
  while IFS=: read -r number controllers path; do
    if [ "$number" = 0 ] && [ -e "$ROOT/sys/fs/cgroup/cgroup.controllers" ]; then
      printf '%s' "$ROOT/sys/fs/cgroup${path%/}/$3"
      return
    fi
    case ,$controllers, in
      *",$2,"*)
        for tree in "$2" "$controllers"; do
          [ -e "$ROOT/sys/fs/cgroup/$tree${path%/}/$3" ] && { printf '%s' "$ROOT/sys/fs/cgroup/$tree${path%/}/$3"; return; }
        done ;;
    esac
  done <"$ROOT/proc/$1/cgroup"
  return 1
}

oom_kills() {
  if [ -e "$ROOT/sys/fs/cgroup/cgroup.controllers" ]; then file=$(cgroup_file "$1" memory memory.events) || file=
  else file=$(cgroup_file "$1" memory memory.oom_control) || file=; fi
  count=
  if [ -n "$file" ]; then count=$(awk '$1 == "oom_kill" { print $2 }' "$file" 2>/dev/null) || count=; fi
  printf '%s' "${count:-0}"
}
