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

# compose_up R12 [SERVICE…]: returns when all is healthy or the release's bound is over. `--wait-timeout` begins only after the
# services that others depend on are healthy, so the whole is bounded once more.
compose_up() {
  up=$1
  shift
  set -- up --detach --wait --wait-timeout "$BERTH_WAIT_SECONDS" "$@"
  narrate compose $((BERTH_WAIT_SECONDS * 2 + 60)) "$up" "$@" </dev/null
}

# Stops in the order of `depends_on`, each service with its own grace period.
compose_stop() {
  stopped=$1
  shift
  narrate compose $((BERTH_STOP_SECONDS + 30)) "$stopped" stop "$@" </dev/null
}

compose_migrate() {
  compose "${BERTH_MIGRATE_SECONDS:-900}" "$1" --progress quiet --profile migrate run --rm -T migrate </dev/null
}

# Whether every service that the release starts has a running container.
all_running() {
  wanted=$(compose 30 "$1" config --services </dev/null 2>/dev/null | sort) || return 1
  running=$(container_states | awk '$2 == "running" { print $1 }' | sort)
  [ -n "$wanted" ] && [ "$wanted" = "$running" ]
}
