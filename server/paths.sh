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
  mkdir -p "$(dirname "$1")" && cat >"$1.tmp" && mv -f "$1.tmp" "$1" && return
  rm -f "$1.tmp"
  return 1
}

# keep PATH: standard input becomes that file below $STATE. Where the disk takes no more it waits in memory: what is said of a full disk must not be
# lost to it. There it stays until it is written again, or the next boot.
keep() {
  write_file "$(in_memory "$1")" || return 1
  if write_file "$1" <"$(in_memory "$1")" 2>/dev/null; then rm -f "$(in_memory "$1")"; return 0; fi
  # Not the one of before, which says something else.
  rm -f "$1" || :
}

in_memory() { printf '%s/state/%s' "$RUN" "${1#"$STATE/"}"; }

# Where such a file is.
kept() { if [ -e "$(in_memory "$1")" ]; then in_memory "$1"; else printf '%s' "$1"; fi; }

drop_kept() { rm -f "$(in_memory "$1")" "$1"; }

# Whether these words, or the file system of the state, say that the disk is full.
is_full() {
  case $1 in *[Nn]"o space left on device"*) return 0 ;; esac
  [ "$(bounded 10 df -B1 --output=avail "$STATE" 2>/dev/null | tail -n 1 | tr -d ' ')" = 0 ]
}

good_release() { first_line "$STATE/good"; }

# The release that is chosen to run: the good one, or one that came up and could not be verified because of the host. It is what a boot
# brings up and what `berth verify` judges.
chosen_release() {
  chosen=$(first_line "$(kept "$STATE/chosen")")
  if [ -n "$chosen" ] && [ -f "$(release_dir "$chosen")/release.env" ]; then printf '%s' "$chosen"; else good_release; fi
}

choose() { printf '%s\n' "$1" | keep "$STATE/chosen"; }

# Releases that were verified, newest last. The good one is among them, also where a host lost its history.
good_history() {
  if [ -f "$STATE/good.history" ]; then cat "$STATE/good.history"; fi
  good=$(good_release)
  if [ -n "$good" ] && ! grep -qxF "$good" "$STATE/good.history" 2>/dev/null; then printf '%s\n' "$good"; fi
}

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
  BERTH_IMAGES='' BERTH_STATEFUL='' BERTH_MIGRATE=0 BERTH_MIGRATE_SECONDS='' BERTH_REGISTRY='' BERTH_REGISTRY_USER='' BERTH_REGISTRY_SECRET='' BERTH_REDIS_SECRET=''
  BERTH_NODE='' BERTH_PRIVATE_ADDRESS='' BERTH_NODES_BEFORE='' BERTH_NODES_AFTER='' BERTH_ELSEWHERE='' BERTH_WORKERS='' BERTH_READINESS_PORT='' BERTH_ALERT_WEBHOOK='' BERTH_DOMAIN=''
  load_env "$(release_dir "$1")/release.env"
}

# One value of another release, without making it ours.
release_value() { sed -n "s/^$2='\(.*\)'\$/\1/p" "$(release_dir "$1")/release.env"; }
