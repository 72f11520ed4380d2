# shellcheck shell=sh
# Whether everything that a release mounts is there, asked before anything is stopped for it. Compose would find out only when the
# old container is gone.

# Paths on the host that the containers of R12 mount and that are not there, one a line.
missing_mounts() {
  sed -n 's/^ *source: *//p' "$(release_dir "$1")/compose.yaml" | sort -u | while read -r path; do
    [ -e "$ROOT$path" ] || printf '%s\n' "$path"
  done
}

# Pulumi lays a document down when it changes: what was removed behind its back, it has to be told to lay again.
preflight() {
  missing=$(missing_mounts "$1")
  [ -n "$missing" ] || return 0
  fault host release.files "not on this host: $(printf '%s' "$missing" | tr '\n' ' ')" "every file that compose.yaml of $1 mounts" \
    "lay everything down again: npx pulumi up --replace '**host-*'"
  return "$HOST_CAUSED"
}
