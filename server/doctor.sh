# shellcheck shell=sh
# Facts for a diagnosis: the verifier's, and a few seconds of watching the host and Redis. Raw output in sections like those of facts.sh; a
# section that could not be had begins with `! WHY`. Judged where `berth doctor` was asked (src/doctor). Nothing here waits without a bound,
# writes to a disk or changes anything: the disk may be full, Redis loading, Docker hung.

# How long the host is watched, in seconds: two readings this far apart.
WATCH_SECONDS=3
# One PING each 10 ms for this long.
PING_SECONDS=2
# Bound on one conversation with Redis, in seconds.
REDIS_SECONDS=3

doctor_command() {
  case ${1:-} in
    "") doctor_facts ;;
    stats | latency | intrinsic | memory | clients | queues | slowlog | commands | swap | disk | cpu | containers) look_at "$1" ;;
    *) say "doctor: required: nothing, or one of stats latency intrinsic memory clients queues slowlog commands swap disk cpu containers; found: '$1'"; exit 2 ;;
  esac
}

# Whichever release's containers are there.
load_current() {
  current=$(first_line "$STATE/current")
  [ -n "$current" ] || current=$(good_release)
  { [ -n "$current" ] && [ -f "$(release_dir "$current")/release.env" ]; } || {
    say "required: a release that was started; found: none on this host. Look at: berth status"
    return 1
  }
  load_release "$current"
  expectations=$ROOT$(grep -oE '/opt/berth/files/[0-9a-f]{12}-expect\.json' "$(release_dir "$current")/compose.yaml" | head -n 1) || expectations=/dev/null
}

doctor_facts() {
  load_current
  mkdir -p "$RUN"
  look=$(mktemp -d "$RUN/doctor.XXXXXX")
  trap 'rm -rf "$look"' EXIT
  # A connection that is cut ends the shell without its EXIT trap, unless a signal is one to end by.
  trap 'exit 1' HUP INT TERM
  docker_why=$(bounded 3 docker version --format '{{.Server.Version}}' 2>&1 >/dev/null | tail -n 1) || docker_why=${docker_why:-"no answer within 3 s"}
  find_redis
  moment >"$look/before"
  { [ -n "$docker_why" ] || bounded 8 "$HERE/berth" facts "$current"; } >"$look/facts" 2>/dev/null &
  { section stats; docker_part 6 docker stats --no-stream --no-trunc --format '{{json .}}'; } >"$look/stats" &
  { section others; docker_part 4 others; } >"$look/others" &
  { section latency; ping_redis "$PING_SECONDS"; } >"$look/latency" &
  sleep "$WATCH_SECONDS"
  moment >"$look/after"
  # Alone: it keeps a core busy, and what else is measured would show it.
  { section intrinsic; in_redis 4 redis-cli --intrinsic-latency 1 </dev/null; } >"$look/intrinsic"
  wait
  section doctor; printf 'release %s\ngood %s\n' "$current" "$(good_release)"
  section expectations; raw cat "$expectations"
  section cores; raw nproc
  section pressure; for what in cpu memory io; do raw sed "s/^/$what /" "$ROOT/proc/pressure/$what"; done
  section swaps; raw cat "$ROOT/proc/swaps"
  section swapped; raw swapped
  section groups; raw grep -Hs -m 1 docker "$ROOT"/proc/[0-9]*/cgroup
  section filesystems; raw bounded 5 df -B1 --output=target,size,avail,itotal,iavail "$ROOT$BERTH_MOUNT" "$ROOT/"
  section largest; largest
  sed 's/^@@ /@@ before-/' "$look/before"
  sed 's/^@@ /@@ after-/' "$look/after"
  cat "$look/stats" "$look/others" "$look/latency" "$look/intrinsic"
  [ -z "$docker_why" ] || { section docker; printf '! Docker: %s\n' "$docker_why"; host_alone; }
  cat "$look/facts"
}

# What does not need Docker, when it does not answer.
host_alone() {
  section release; printf '%s\n' "$current"
  section meminfo; raw cat "$ROOT/proc/meminfo"
  section mounts; raw cat "$ROOT/proc/self/mountinfo"
  section sysctl; printf 'vm.overcommit_memory = %s\n' "$(raw cat "$ROOT/proc/sys/vm/overcommit_memory")"
  section hugepages; raw cat "$ROOT/sys/kernel/mm/transparent_hugepage/enabled"
  section disk; raw bounded 5 df -B1 --output=target,size,avail "$ROOT$BERTH_MOUNT" "$ROOT/"
  section aof; raw aof_bytes
}

# The host and Redis as they are at one moment.
moment() {
  section clock; date +%s.%N
  section stat; raw grep '^cpu' "$ROOT/proc/stat"
  section processes; raw cat "$ROOT"/proc/[0-9]*/stat
  section threads; raw grep -Hs . "$ROOT"/proc/[0-9]*/task/[0-9]*/schedstat
  section vmstat; raw grep -E '^(pswpin|pswpout|oom_kill|pgmajfault) ' "$ROOT/proc/vmstat"
  section space; raw bounded 3 df -B1 --output=target,avail "$ROOT$BERTH_MOUNT" "$ROOT/"
  section schedule; [ -z "$redis_pid" ] || raw cat "$ROOT/proc/$redis_pid/schedstat"
  section redis; redis_questions | in_redis "$REDIS_SECONDS" redis-cli --no-auth-warning --json
}

# docker_part SECONDS COMMAND…: what Docker says, or why it says nothing.
docker_part() {
  seconds=$1
  shift
  if [ -n "$docker_why" ]; then printf '! Docker: %s\n' "$docker_why"; return; fi
  if [ "$1" = others ]; then others; else bounded "$seconds" "$@" 2>&1; fi || printf '\n! no answer from Docker within %s s\n' "$seconds"
}

# `docker inspect` of containers that are not of this project, with the size of what they wrote.
others() {
  ids=$(bounded 3 docker ps -aq --no-trunc) || return 1
  mine=$(project_containers) || mine=
  foreign=$(printf '%s\n' "$ids" | grep -vxF "${mine:-none}") || foreign=
  if [ -z "$foreign" ]; then printf '[]\n'; return; fi
  # shellcheck disable=SC2086 # ids are words
  bounded 4 docker inspect --size $foreign || bounded 3 docker inspect $foreign
}

find_redis() {
  redis_id='' redis_pid='' redis_why=
  if [ -n "$docker_why" ]; then redis_why="Docker: $docker_why"; return; fi
  redis_id=$(service_container redis 2>/dev/null) || redis_id=
  [ -n "$redis_id" ] || { redis_why="no container of redis on this host"; return; }
  condition=$(bounded 5 docker inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}' "$redis_id" 2>/dev/null) || condition=unknown
  case $condition in
    "running "*) ;;
    paused*) redis_why="the container of redis is paused" ;;
    *) redis_why="the container of redis is ${condition%% *}, exit code $(printf %s "$condition" | cut -d ' ' -f 2)" ;;
  esac
  [ -z "$redis_why" ] || return 0
  # shellcheck disable=SC2034 # redis_status reads it
  pids="$redis_id ${condition##* }"
  redis_pid=$(raw redis_status | sed -n 's/^Pid:[[:space:]]*//p')
}

# in_redis SECONDS COMMAND…: runs it in Redis's container, standard input passed on. The password goes in front of that: no argument and no
# `docker inspect` holds it.
in_redis() {
  limit=$1
  shift
  if [ -n "$redis_why" ]; then printf '! %s\n' "$redis_why"; return; fi
  if [ -e "${look:-}/silent" ]; then printf '! Redis: no answer to the question before\n'; return; fi
  ended=0
  # shellcheck disable=SC2016 # the container's shell expands it
  { raw cat "$ROOT$BERTH_REDIS_SECRET"; echo; cat; } | bounded $((limit + 2)) docker exec -i "$redis_id" sh -c \
    'IFS= read -r REDISCLI_AUTH || :; export REDISCLI_AUTH; exec timeout "$@"' sh "$limit" "$@" 2>&1 || ended=$?
  case $ended in
    0) ;;
    124 | 137) printf '\n! Redis: no answer within %s s\n' "$limit"; [ -z "${look:-}" ] || : >"$look/silent" ;;
    *) printf '\n! %s in the container of redis ended with %s\n' "$1" "$ended" ;;
  esac
}

ping_redis() { in_redis $(($1 + 2)) redis-cli --no-auth-warning --latency -i "$1" </dev/null; }

# The questions, each behind a mark that Redis says back. None is slow, none writes, none shows what a job or a secret holds but
# SLOWLOG, of which the judge keeps the command and its first word.
redis_questions() {
  ask info INFO everything
  ask clients CLIENT LIST
  ask config CONFIG GET save appendonly appendfsync maxmemory maxmemory-policy maxclients timeout no-appendfsync-on-rewrite dir
  ask slowlog SLOWLOG GET 64
  ask events LATENCY LATEST
  ask time TIME
  heartbeat=$(raw sed -n 's/^ *"heartbeat": {$/{/; /^{$/,/}/s/^ *"key": "\([A-Za-z0-9:_.-]*\)".*/\1/p' "$expectations" | head -n 1)
  [ -z "$heartbeat" ] || ask heartbeat PTTL "$heartbeat"
  queues=$(raw sed -n '/^  "queues": \[/,/\]/s/^    "\([A-Za-z0-9:_.-]*\)",\{0,1\}$/\1/p' "$expectations" | tr '\n' ' ')
  [ -z "$queues" ] || ask queues EVAL_RO "\"$(queue_script)\"" 0 "$queues"
  ask end TIME
}

ask() {
  printf 'ECHO "@@ %s"\n' "$1"
  shift
  printf '%s\n' "$*"
}

# Counts of each queue, the job that waits longest and its active ones with what is left of their locks: Bull 4 and BullMQ name them alike.
# A job waits from when it is due, and its options still say so when its own `delay` is 0 again. Since when one waits that was begun or tried before,
# nobody wrote down: the next one counts. In one line and single quotes, because it goes through redis-cli's.
queue_script() {
  tr '\n' ' ' <<'LUA'
local time = redis.call('TIME')
local out = { now = time[1] * 1000 + math.floor(time[2] / 1000), queues = {} }
for _, name in ipairs(ARGV) do
  local at = 'bull:' .. name .. ':'
  local function size(key)
    local kind = redis.call('TYPE', at .. key).ok
    if kind == 'list' then return redis.call('LLEN', at .. key) end
    if kind == 'zset' then return redis.call('ZCARD', at .. key) end
    return 0
  end
  local queue = { name = name, paused = redis.call('EXISTS', at .. 'meta-paused') == 1, waiting = size('wait') + size('paused') + size('prioritized'),
    active = size('active'), delayed = size('delayed'), failed = size('failed'), completed = size('completed'), jobs = {} }
  if redis.call('TYPE', at .. 'wait').ok == 'list' then
    local ids = redis.call('LRANGE', at .. 'wait', -20, -1)
    for place = #ids, 1, -1 do
      local job = redis.call('HMGET', at .. ids[place], 'timestamp', 'opts', 'processedOn', 'attemptsMade', 'atm', 'ats', 'retriedOn', 'stalledCounter')
      local again = job[3] or job[7]
      for _, count in ipairs({ job[4], job[5], job[6], job[8] }) do
        if count and tonumber(count) ~= 0 then again = true end
      end
      if job[1] and not again then
        local read, options = pcall(cjson.decode, job[2] or '{}')
        queue.oldest = { id = ids[place], added = job[1], delay = read and type(options) == 'table' and tonumber(options.delay) or 0 }
        break
      end
    end
  end
  if queue.active > 0 then
    for _, id in ipairs(redis.call('LRANGE', at .. 'active', -20, -1)) do
      table.insert(queue.jobs, { id = id, begun = redis.call('HGET', at .. id, 'processedOn'), lock = redis.call('PTTL', at .. id .. ':lock') })
    end
  end
  table.insert(out.queues, queue)
end
return cjson.encode(out)
LUA
}

# Processes of which a part is swapped out: PID, name, kB.
swapped() {
  grep -Hs '^VmSwap:' "$ROOT"/proc/[0-9]*/status | awk -v root="$ROOT" '
    $2 > 0 { file = $1; sub(/:VmSwap:$/, "", file); pid = file; sub(/\/status$/, "", pid); sub(/.*\//, "", pid)
      getline name < (root "/proc/" pid "/comm"); print pid, name, $2 }' | sort -k 3 -rn | head -n 20
}

# What takes the space of a file system that has little: SIZE PATH, the largest first. Bounded: a full disk holds many files.
largest() {
  for target in "$ROOT$BERTH_MOUNT" "$ROOT/"; do
    scarce "$target" || continue
    case $target in
      "$ROOT/") set -- "$ROOT/var/log" "$ROOT/var/lib/docker/containers" "$ROOT/var/cache" "$ROOT/home" "$ROOT/root" "$ROOT/tmp" "$ROOT/opt" ;;
      *) set -- "$target" ;;
    esac
    raw bounded 3 du -axB1 -d 2 "$@" | sort -rn | head -n 12
  done
}

# Less than a quarter is free.
scarce() { raw bounded 3 df -B1 --output=size,avail "$1" | awk 'NR == 2 { found = ($2 < $1 / 4) } END { exit !found }'; }
