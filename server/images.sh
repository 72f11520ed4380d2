# shellcheck shell=sh
# Images of a release: only what is missing is fetched. An image that is present is never asked for again, because it is
# named by digest or by a full version, so a release whose images are here needs no registry.

image_present() { bounded 20 docker image inspect --format '{{.ID}}' "$1" >/dev/null 2>&1; }

# fetch_images: needs the release loaded. Returns 0, 10 (the release names what is not there) or 11 (registry out of reach, disk full).
fetch_images() {
  missing=
  for image in $BERTH_IMAGES; do
    image_present "$image" || missing="$missing $image"
  done
  [ -n "$missing" ] || { say "images: all present"; return 0; }
  # A login is kept only for the pulls, where root alone can read it.
  mkdir -p "$RUN"
  DOCKER_CONFIG=$(mktemp -d "$RUN/docker.XXXXXX")
  export DOCKER_CONFIG
  fetched=0
  { registry_login && pull_all; } || fetched=$?
  rm -rf "$DOCKER_CONFIG"
  unset DOCKER_CONFIG
  return "$fetched"
}

registry_login() {
  [ -n "$BERTH_REGISTRY" ] || return 0
  say "registry: signing in to $BERTH_REGISTRY as $BERTH_REGISTRY_USER"
  attempt_registry docker login --username "$BERTH_REGISTRY_USER" --password-stdin "$BERTH_REGISTRY" && return 0
  registry_fault "sign in to $BERTH_REGISTRY as $BERTH_REGISTRY_USER" "berth:registry and berth:secrets.registryPassword"
}

# All at once: unpacking one image keeps one core busy, and the network idle.
pull_all() {
  pulls=
  for image in $missing; do
    say "image: fetching $image"
    pull_one "$image" &
    pulls="$pulls $!:$image"
  done
  failed=
  for pull in $pulls; do
    wait "${pull%%:*}" || failed=${failed:-$pull}
  done
  [ -n "$failed" ] || return 0
  registry_said=$(cat "$DOCKER_CONFIG/said.${failed%%:*}" 2>/dev/null) || registry_said=
  registry_fault "fetch ${failed#*:}" "the image's name and digest, and berth:registry if it is private"
}

# In a process of its own: what the registry said last is left in a file named by it.
pull_one() {
  attempt_registry docker pull --quiet "$1" && return
  read -r own _ </proc/self/stat
  printf '%s\n' "$registry_said" >"$DOCKER_CONFIG/said.$own"
  return 1
}

# Runs a command against the registry, three times when the network is the fault. Its last words stay in `registry_said`.
attempt_registry() {
  for try in 1 2 3; do
    secret=/dev/null
    [ "$2" != login ] || secret=$ROOT$BERTH_REGISTRY_SECRET
    registry_said=$(bounded 900 "$@" 2>&1 <"$secret") && return 0
    network_fault || return 1
    [ "$try" = 3 ] || { say "registry: no answer, trying again in $((try * 3)) s"; sleep $((try * 3)); }
  done
  return 1
}

network_fault() {
  case $registry_said in
    *"no such host"* | *"connection refused"* | *"i/o timeout"* | *"TLS handshake timeout"* | *"network is unreachable"* | *"no route to host"* | \
      *"Client.Timeout"* | *"temporary failure"* | *"connection reset"* | *"server misbehaving"* | *"EOF"* | "") return 0 ;;
  esac
  return 1
}

registry_fault() {
  last=$(printf '%s\n' "$registry_said" | tail -n 1)
  if network_fault; then
    fault host release.images "could not $1: ${last:-no answer within its time}" "the registry answers this server, or the image is already here" \
      "check the server's way out and the registry; then run the same command again, which continues here"
    return "$HOST_CAUSED"
  fi
  if is_full "$last"; then
    fault host release.images "could not $1: the disk of the host is full: $last" "room for the image" \
      "make room: \`berth doctor disk\` says what takes it; then run the same command again, which continues here"
    return "$HOST_CAUSED"
  fi
  fault release release.images "could not $1: $last" "the registry gives this image to this server" "check $2"
  return "$RELEASE_CAUSED"
}
