# shellcheck shell=sh
# shellcheck disable=SC2154 # `current` is load_current's
# One section of the diagnosis, as its own command prints it: what a person types on a server that is slow.

look_at() {
  load_current
  docker_why=
  docker_answers || docker_why="no answer within 10 s"
  find_redis
  case $1 in
    stats) bounded 15 docker stats --no-stream ;;
    latency) look_latency ;;
    intrinsic) in_redis 8 redis-cli --intrinsic-latency 3 </dev/null ;;
    memory) ask_redis "INFO memory" ;;
    clients) ask_redis "INFO clients" "CLIENT LIST" ;;
    commands) ask_redis "INFO commandstats" "INFO latencystats" ;;
    slowlog) ask_redis "SLOWLOG GET 16" "LATENCY LATEST" ;;
    queues) redis_questions | sed -n '/"@@ queues"/,/"@@ end"/p' | sed '/ECHO/d; /^TIME$/d' | in_redis "$REDIS_SECONDS" redis-cli --no-auth-warning --raw ;;
    swap) look_swap ;;
    disk) look_disk ;;
    cpu) bounded 15 top -b -d 2 -n 2 -w 100 | awk '/^top -/ { shown++ } shown == 2' | head -n 20 ;;
    containers) look_containers ;;
  esac
}

look_latency() {
  echo "redis-cli --latency, 5 s"
  in_redis 8 redis-cli --no-auth-warning --latency -i 5 </dev/null |
    awk 'NF == 4 && $1 ~ /^[0-9]/ { printf "min: %s ms, max: %s ms, avg: %s ms (%s samples)\n", $1, $2, $3, $4; next } NF'
}

ask_redis() {
  for question; do printf '%s\n' "$question"; done | in_redis "$REDIS_SECONDS" redis-cli --no-auth-warning
}

look_swap() {
  raw free -m
  echo
  cat "$ROOT/proc/swaps"
  echo
  echo "kB of each process in swap:"
  swapped | awk '{ printf "%8s  %s (process %s)\n", $3, $2, $1; found = 1 } END { if (!found) print "    none" }'
}

look_disk() {
  df -h "$ROOT$BERTH_MOUNT" "$ROOT/"
  echo
  largest | awk '{ printf "%8.1f MiB  %s\n", $1 / 1048576, $2 }'
  [ -n "$docker_why" ] || bounded 20 docker system df
}

look_containers() {
  printf '%-10s %-10s %-10s %4s %8s %4s  %s\n' SERVICE STATE HEALTH EXIT RESTARTS OOM ID
  container_states | while read -r service status health code restarts oom id; do
    printf '%-10s %-10s %-10s %4s %8s %4s  %.12s\n' "$service" "$status" "$health" "$code" "$restarts" "$([ "$oom" = true ] && echo yes || echo no)" "$id"
  done
}

# A day: who follows the logs ends it; this only bounds a connection that was forgotten.
logs_command() {
  load_current
  escape=$(printf '\033')
  # Compose 2.26 begins each line with "erase this line", also in a pipe. The exit code comes past the filter by file descriptor 3.
  {
    logged=$({
      {
        code=0
        compose 86400 "$current" logs "$@" || code=$?
        echo "$code" >&3
      } | sed -u "s/^$escape\[2K//" >&4
    } 3>&1)
  } 4>&1
  return "$logged"
}

container_command() {
  load_current
  found=$(service_container "${1:-}")
  [ -n "$found" ] || { say "container: required: a container of '${1:-}'; found: none. Look at: berth status"; return 1; }
  printf '%s\n' "$found"
}
