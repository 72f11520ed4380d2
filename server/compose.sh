# shellcheck shell=sh
# Docker Compose on a release. Needs BERTH_PROJECT and the BERTH_*_SECONDS of the release that asks.

# compose SECONDS R12 ARGUMENTS…
compose() {
  seconds=$1 composed=$2
  shift 2
  bounded "$seconds" docker compose --ansi never --project-name "$BERTH_PROJECT" \
    --file "$(release_dir "$composed")/compose.yaml" "$@"
}

# Runs a command and shows only those of Compose's lines that say that something happened or went wrong. A pipe would lose
# the exit code: it comes back through file descriptor 3.
narrate() {
  narrated=$({
    {
      code=0
      "$@" 2>&1 || code=$?
      echo "$code" >&3
    } | sed -u '/^ *\(Container\|Network\|Volume\) .* \(Creating\|Created\|Starting\|Waiting\|Running\|Healthy\|Recreate\|Stopping\|Removing\)$/d; s/^ */  /' >&2
  } 3>&1)
  return "$narrated"
}

# compose_up R12 ARGUMENTS…: returns when all is healthy or the release's bound is over. `--wait-timeout` begins only after the
# services that others depend on are healthy, so the whole is bounded once more.
compose_up() {
  up=$1
  shift
  remove_half_made
  narrate compose $((BERTH_WAIT_SECONDS * 2 + 60)) "$up" up --detach --wait --wait-timeout "$BERTH_WAIT_SECONDS" "$@" </dev/null
}

# Three steps instead of one `up`: Compose 2.26 recreates, in the same command, whatever depends on a container that it recreates. So a
# new redis.conf would replace the application, and a new application the proxy. (`--no-deps` does not help: it changes
# the configuration's hash.)

compose_data() {
  data=$(stateful_services)
  [ -n "$data" ] || return 0
  say "start: ${data% }"
  # shellcheck disable=SC2086 # service names are words
  compose_up "$1" $data
}

compose_application() {
  leave_rotation
  came_up=0
  up_application "$1" || came_up=$?
  join_rotation
  return "$came_up"
}

up_application() {
  application=
  for service in $(compose 30 "$1" config --services </dev/null 2>/dev/null); do
    case " $(stateful_services) proxy " in *" $service "*) ;; *) application="$application $service" ;; esac
  done
  if [ -n "$application" ]; then
    stop_crashing "$application "
    say "start:$application"
    # shellcheck disable=SC2086 # service names are words
    compose_up "$1" $application || { recovers && compose_up "$1" $application; } || {
      remove_half_made
      # Not waited for: the verifier is to find what failed, not what was never tried because of it.
      narrate compose 45 "$1" up --detach --remove-orphans </dev/null || :
      return 1
    }
  fi
  say "start: the rest"
  compose_up "$1" --remove-orphans
}

# Stops in the order of `depends_on`, each service with its own grace period.
compose_stop() {
  stopped=$1
  shift
  leave_rotation
  narrate compose $((BERTH_STOP_SECONDS + 30)) "$stopped" stop "$@" </dev/null
}

# compose_migrate SECONDS R12
compose_migrate() {
  compose "$1" "$2" --progress quiet --profile migrate run --rm -T migrate </dev/null
}

# Whether every service that the release starts has a running container.
all_running() {
  wanted=$(compose 30 "$1" config --services </dev/null 2>/dev/null | sort) || return 1
  running=$(container_states | awk '$2 == "running" { print $1 }' | sort)
  [ -n "$wanted" ] && [ "$wanted" = "$running" ]
}
