# shellcheck shell=sh
# What Docker knows of the project's containers. Needs BERTH_PROJECT.

docker_answers() { bounded 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# After a volume was missing at boot, Docker is down by design; a release brings it back.
ensure_docker() {
  docker_answers && return 0
  say "docker: does not answer, starting it"
  systemctl reset-failed docker.service docker.socket >/dev/null 2>&1 || :
  bounded 120 systemctl start docker.service || return 1
  wait_until 30 docker_answers
}

# Ids of all containers of the project, one-offs (migrate, verify) included.
project_containers() {
  bounded 20 docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$BERTH_PROJECT"
}

# Id of a service's container, running or not; nothing when there is none.
service_container() {
  bounded 20 docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$BERTH_PROJECT" \
    --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False | head -n 1
}

# `.ID`, not `.Id`: the latter works only on the raw document, where `.State.Health` fails when there is none.
# Lines: SERVICE STATE HEALTH EXITCODE RESTARTS OOMKILLED ID, one-offs left out.
container_states() {
  ids=$(bounded 20 docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$BERTH_PROJECT" \
    --filter label=com.docker.compose.oneoff=False)
  [ -n "$ids" ] || return 0
  # shellcheck disable=SC2086 # ids are words
  bounded 20 docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.State.ExitCode}} {{.RestartCount}} {{.State.OOMKilled}} {{.ID}}' $ids | sort
}

any_unhealthy() { container_states | awk '$2 == "running" && $3 == "unhealthy" { found = 1 } END { exit !found }'; }
none_unhealthy() { ! any_unhealthy; }

# Docker calls a container unhealthy until its next check, 10 s later: a Redis that loaded for half a minute leaves the API so when all is well
# again, and Compose waits for no container that it finds unhealthy. Returns 0 when one was unhealthy and none is any more.
recovers() {
  any_unhealthy || return 1
  say "health: waiting for the next checks of what is unhealthy: $(health_line)"
  # Two checks, each with its time-out.
  wait_until 30 none_unhealthy
}

# Compose that was cut off, or gave up, while it replaced a container leaves the new one under a name of passage (OLDID_NAME), never started. The
# next replacement takes the same name, and fails on it.
remove_half_made() {
  bounded 20 docker ps -a --no-trunc --filter "label=com.docker.compose.project=$BERTH_PROJECT" --filter status=created --format '{{.ID}} {{.Names}}' |
    while read -r id name; do
      case $name in
        [0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]_*) ;;
        *) continue ;;
      esac
      say "start: removing $name, which an earlier attempt left half made"
      bounded 60 docker rm --force "$id" >/dev/null 2>&1 || :
    done
}

# stop_crashing " SERVICE… ": what crashes again and again is now there and now not, and Compose, which is to replace it, stumbles over that.
stop_crashing() {
  container_states | while read -r service status health _ restarts _ id; do
    case $1 in *" $service "*) ;; *) continue ;; esac
    [ "$status" = restarting ] || { [ "$restarts" != 0 ] && [ "$health" != healthy ]; } || continue
    say "stop: $service, which crashed $restarts times"
    # It may be gone at the very moment.
    for _ in 1 2 3; do
      bounded "$BERTH_STOP_SECONDS" docker stop "$id" >/dev/null 2>&1 </dev/null && break
      sleep 1
    done
  done
}

# Services of BERTH_STATEFUL (words NAME=IMAGE), by name.
stateful_services() {
  for pair in $BERTH_STATEFUL; do printf '%s ' "${pair%%=*}"; done
}

# Writes down which images have opened the data: those of stateful containers that were ever started.
record_data_images() {
  for service in $(stateful_services); do
    image=$(opened_by "$service")
    [ -n "$image" ] && printf '%s=%s\n' "$service" "$image"
  done | write_file "$STATE/data-images"
}

# The image that last opened a service's data: of its container if that was ever started, else as written down.
opened_by() {
  id=$(service_container "$1")
  image=
  if [ -n "$id" ]; then
    image=$(bounded 20 docker inspect --format '{{if ne .State.StartedAt "0001-01-01T00:00:00Z"}}{{.Config.Image}}{{end}}' "$id") || image=
  fi
  if [ -z "$image" ] && [ -f "$STATE/data-images" ]; then image=$(sed -n "s/^$1=//p" "$STATE/data-images"); fi
  printf '%s' "$image"
}

# Prints `SERVICE: data opened by IMAGE, R12 has IMAGE` for each service where R12 would put another image on the data, and each whose data is on
# another node by now.
data_crossings() {
  for pair in $(release_value "$1" BERTH_STATEFUL); do
    opened=$(opened_by "${pair%%=*}")
    if [ -n "$opened" ] && [ "$opened" != "${pair#*=}" ]; then
      printf '%s: data opened by %s, %s has %s\n' "${pair%%=*}" "$opened" "$1" "${pair#*=}"
    fi
  done
  displaced_data "$1"
}
