# shellcheck shell=sh
# Where things are, and how a release's settings are read. BERTH_ROOT stands before every absolute path: empty in
# production, a scratch directory in tests.
# shellcheck disable=SC2034 # used by the files that are sourced after this one

ROOT=${BERTH_ROOT:-}
OPT=$ROOT/opt/berth
STATE=$ROOT/var/lib/berth
RUN=$ROOT/run/berth
ETC=$ROOT/etc/berth

# Exit codes that say who caused a failure: a release's is rolled back, a host's is left and said.
RELEASE_CAUSED=10
HOST_CAUSED=11

release_dir() { printf '%s/releases/%s' "$OPT" "$1"; }
results_dir() { printf '%s/results/%s' "$STATE" "$1"; }

laid_releases() {
  found=$(cd "$OPT/releases" 2>/dev/null && printf '%s ' *) || found=none
  printf '%s' "${found% }"
}

# First line of a file; nothing when there is no file.
first_line() {
  line=
  if [ -r "$1" ]; then IFS= read -r line <"$1" || :; fi
  printf '%s' "$line"
}

# Standard input becomes the file, at once or not at all.
write_file() {
  mkdir -p "$(dirname "$1")"
  cat >"$1.tmp"
  mv -f "$1.tmp" "$1"
}

good_release() { first_line "$STATE/good"; }

# The release that is chosen to run: the good one, or one that came up and could not be verified because of the host. It is what a boot
# brings up and what `berth verify` judges.
chosen_release() {
  chosen=$(first_line "$STATE/chosen")
  if [ -n "$chosen" ] && [ -f "$(release_dir "$chosen")/release.env" ]; then printf '%s' "$chosen"; else good_release; fi
}

choose() { printf '%s\n' "$1" | write_file "$STATE/chosen"; }

# The newest release of the history that is not the given one and is still laid down.
release_before() {
  [ -f "$STATE/good.history" ] || return 0
  grep -vx "$1" "$STATE/good.history" | while read -r candidate; do
    [ -f "$(release_dir "$candidate")/compose.yaml" ] && printf '%s\n' "$candidate"
  done | tail -n 1
}

# Reads KEY='value' lines; anything else is refused before the shell would run it.
load_env() {
  if grep -vqE "^([A-Z_]+='[A-Za-z0-9 _./:@,=+-]*')?\$" "$1"; then
    say "read $1: required: only lines KEY='value'; found: $(grep -vE "^([A-Z_]+='[A-Za-z0-9 _./:@,=+-]*')?\$" "$1" | head -n 1)"
    return 1
  fi
  # shellcheck source=/dev/null
  . "$1"
}

load_release() {
  BERTH_IMAGES='' BERTH_STATEFUL='' BERTH_MIGRATE=0 BERTH_REGISTRY='' BERTH_REGISTRY_USER='' BERTH_REGISTRY_SECRET='' BERTH_REDIS_SECRET=''
  BERTH_NODE='' BERTH_PRIVATE_ADDRESS='' BERTH_NODES_BEFORE='' BERTH_NODES_AFTER='' BERTH_ELSEWHERE='' BERTH_WORKERS='' BERTH_READINESS_PORT='' BERTH_ALERT_WEBHOOK='' BERTH_DOMAIN=''
  load_env "$(release_dir "$1")/release.env"
}

# One value of another release, without making it ours.
release_value() { sed -n "s/^$2='\(.*\)'\$/\1/p" "$(release_dir "$1")/release.env"; }
