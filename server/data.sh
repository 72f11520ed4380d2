# shellcheck shell=sh
# Roles with data, redis and postgres: whether theirs is on this node, and how it gets to another. The node with the proxy keeps the book: a file
# data-ROLE-at says at which private address a role's data is, when it is not here. A release that would begin empty beside the data is refused.

DATA_ROLES="redis postgres"

data_directory() { printf '%s/%s' "$ROOT${BERTH_MOUNT:-/mnt/berth}" "$1"; }

# In the directory of a copy that is being given up, and gone with it: this copy may be the older one by now.
LEAVING=.berth-leaving
leaves() { [ -e "$(data_directory "$1")/$LEAVING" ]; }

# holds ROLE: whether there is anything that a service of this role has written.
holds() {
  case $1 in
    redis)
      for manifest in "$(data_directory redis)"/appendonlydir/*.manifest; do [ ! -e "$manifest" ] || return 0; done
      [ -e "$(data_directory redis)/dump.rdb" ] ;;
    postgres) [ -e "$(data_directory postgres)/pgdata/PG_VERSION" ] ;;
    *) return 1 ;;
  esac
}

# Address of the node that a role's data is on; nothing when it is here, or nowhere.
data_at() { first_line "$STATE/data-$1-at"; }

left_in_doubt() { printf '%s: a move was giving its data to another node when it was cut off, and which copy is the right one only an update can tell\n' "$1"; }

# Prints why R12 must not be started: it would put a service beside its data, or look for data where it is no more.
displaced_data() {
  placed=$(release_value "$1" BERTH_STATEFUL)
  for role in $DATA_ROLES; do
    case " $placed" in
      *" $role="*)
        at=$(data_at "$role")
        [ -z "$at" ] || printf '%s: its data is on the node at %s, %s would begin without it here\n' "$role" "$at" "$1"
        ! leaves "$role" || left_in_doubt "$role" ;;
    esac
  done
  for pair in $(release_value "$1" BERTH_ELSEWHERE); do
    role=${pair%%=*}
    at=$(data_at "$role")
    if [ -n "$at" ]; then
      [ "$at" = "${pair#*=}" ] || printf '%s: its data is on the node at %s, and this release looks for it at %s\n' "$role" "$at" "${pair#*=}"
    elif holds "$role"; then
      printf '%s: its data is here, and this release looks for it on the node at %s\n' "$role" "${pair#*=}"
    fi
  done
}

# Prints which of the release's data is not here any more, or may not be the right one. For a boot: a release makes the directory of a service that begins.
given_data() {
  for role in $(stateful_services); do
    directory=$(data_directory "$role")
    ! leaves "$role" || left_in_doubt "$role"
    [ -d "$directory" ] || printf '%s: %s is not there: given to another node by a move that was cut off, or put aside by hand\n' "$role" "${directory#"$ROOT"}"
  done
}

guard_data() {
  displaced=$(displaced_data "$1")
  [ -z "$displaced" ] || {
    fault release release.data "$displaced" "data where its service is" "\`pulumi up\` moves it before the release; say in berth:nodes where it is to be, and run that. Nothing was started"
    return "$RELEASE_CAUSED"
  }
  # A Redis that is managed by somebody else leaves the old one's data where it is.
  [ -n "$BERTH_NODE" ] || return 0
  for role in $DATA_ROLES; do
    case " $BERTH_STATEFUL" in *" $role="*) continue ;; esac
    ! holds "$role" || {
      fault release release.data "$role: its data is here, and this release has $role on another node" "data moved before its service" \
        "\`pulumi up\` moves it before the release; run that again, or put $role back on this node in berth:nodes. Nothing was started"
      return "$RELEASE_CAUSED"
    }
  done
}

# After a release is good: which data is elsewhere. BERTH_ELSEWHERE: words ROLE=ADDRESS.
record_data_places() {
  for role in $DATA_ROLES; do
    address=
    for pair in $BERTH_ELSEWHERE; do [ "${pair%%=*}" != "$role" ] || address=${pair#*=}; done
    if [ -n "$address" ]; then printf '%s\n' "$address" | write_file "$STATE/data-$role-at"; else rm -f "$STATE/data-$role-at"; fi
  done
}

# data [STEP …]: the steps of a move, each of them safe to do again. Without a step: what is where, for the deployer.
data_command() {
  [ ! -f "$ETC/host.env" ] || load_env "$ETC/host.env"
  step=${1:-}
  role=${2:-}
  case $step:$role in
    :) data_places ;;
    stopped:) data_stopped ;;
    return:) data_return ;;
    through:) data_through ;;
    moving:redis | moving:postgres) mkdir -p "$STATE" && : >"$STATE/moving-$role" ;;
    give:redis | give:postgres) data_give "$role" ;;
    take:redis | take:postgres) data_take "$role" "${3:-}" ;;
    gave:redis | gave:postgres) data_gave "$role" ;;
    idle:redis | idle:postgres) idle "$role" ;;
    leave:redis | leave:postgres) data_leave "$role" ;;
    at:redis | at:postgres) data_is_at "$role" "${3:-}" ;;
    *) say "data: required: stopped, return or through; or moving, give, take, idle, leave, gave or at, then redis or postgres; found: '$step $role'"; return 2 ;;
  esac
}

# Lines `ROLE here|none ADDRESS|- BYTES`, `moving ROLE` of a move that was begun and not ended, `leaving ROLE` of a copy that is being given up, `room BYTES`
# where data is kept, and `workers ADDRESS…` of the last good release.
data_places() {
  for role in $DATA_ROLES; do
    bytes=0
    if holds "$role"; then
      has=here
      bytes=$(raw du -sb "$(data_directory "$role")" | cut -f 1)
    else
      has=none
    fi
    at=$(data_at "$role")
    printf '%s %s %s %s\n' "$role" "$has" "${at:--}" "${bytes:-0}"
    [ ! -e "$STATE/moving-$role" ] || printf 'moving %s\n' "$role"
    ! leaves "$role" || printf 'leaving %s\n' "$role"
  done
  mount=$ROOT${BERTH_MOUNT:-/mnt/berth}
  [ ! -d "$mount" ] || printf 'room %s\n' "$(raw bounded 10 df -B1 --output=avail "$mount" | tail -n 1 | tr -d ' ')"
  good=$(good_release)
  if [ -n "$good" ]; then printf 'workers %s\n' "$(release_value "$good" BERTH_WORKERS)"; fi
}

# Who moves data stops the application and goes on from afar. Should nobody go on, it comes back by itself: a boot is refused to what would begin
# beside the data, and waits while data is given or taken, which hold the lock. Whoever moves says `stopped` again meanwhile. This ends once the
# application runs, with the next release, and at the end of the move.
RETURN_SECONDS=${BERTH_RETURN_SECONDS:-600}

data_stopped() {
  systemctl stop berth-return.timer >/dev/null 2>&1 || :
  systemd-run --quiet --collect --unit=berth-return --on-active="$RETURN_SECONDS" --timer-property="OnUnitInactiveSec=$RETURN_SECONDS" "$HERE/berth" data return
}

data_return() {
  if systemctl is-active --quiet berth.service; then
    systemctl stop berth-return.timer >/dev/null 2>&1 || :
    return 0
  fi
  mkdir -p "$STATE"
  exec 9<>"$STATE/lock"
  flock -n 9 || { say "data: a move goes on: $(first_line "$STATE/lock")"; return 0; }
  release_lock
  say "data: nobody went on for $RETURN_SECONDS s: starting the application again, as it was"
  systemctl start --no-block berth.service
}

# No move is under way any more, whatever became of it.
data_through() {
  systemctl stop berth-return.timer >/dev/null 2>&1 || :
  for role in $DATA_ROLES; do rm -f "$STATE/moving-$role" "$(data_directory "$role")/$LEAVING"; done
}

# Nobody may write meanwhile: a file copied under its writer is worth nothing.
idle() {
  running=$(docker_answers && bounded 20 docker ps -q --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False) || {
    # A daemon that does not answer may have left the containers running (live-restore).
    say "data: required: Docker's word that $1 is stopped; found: no answer. \`sudo systemctl restart docker\` on this node, then run the same command again"
    return 1
  }
  [ -z "$running" ] || { say "data: required: $1 stopped; found: container $running. Stop it with: systemctl stop berth.service"; return 1; }
}

# The directory as a tar on standard output, with the sums of its files in it.
data_give() {
  take_lock "giving $1" || return 1
  idle "$1" || return 1
  holds "$1" || { say "data: $1 has nothing to give here"; return 1; }
  cd "$(data_directory "$1")" || return 1
  rm -f .berth-sums
  mkdir -p "$STATE"
  find . -type f ! -name "$LEAVING" -print0 | sort -z | xargs -0 -r sha256sum >"$STATE/sums-$1" || return 1
  cp "$STATE/sums-$1" .berth-sums
  say "data: giving $1: $(wc -l <.berth-sums) files"
  tar --create --numeric-owner --exclude="./$LEAVING" --file=- .
}

# Standard input is such a tar. It is unpacked beside the present directory, compared with its sums, and only then put in its place by renaming;
# what was in that place is kept.
data_take() {
  guard_volume || return 1
  take_lock "taking $1" || return 1
  idle "$1" || return 1
  directory=$(data_directory "$1")
  incoming=$directory.incoming
  rm -rf "$incoming"
  mkdir "$incoming" && chmod 0700 "$incoming" && tar --extract --numeric-owner --same-owner --file=- --directory="$incoming" || return 1
  (cd "$incoming" && sha256sum --check --strict --quiet .berth-sums) >&2 || { say "data: required: every file as it was given; found others. Nothing was put in place"; return 1; }
  listed=$(wc -l <"$incoming/.berth-sums")
  found=$(find "$incoming" -type f ! -name .berth-sums | wc -l)
  [ "$listed" = "$found" ] || { say "data: required: $listed files; found: $found. Nothing was put in place"; return 1; }
  rm -f "$incoming/.berth-sums"
  [ -z "$2" ] || chown -R "$2:$2" "$incoming" || return 1
  sync -f "$incoming"
  replaced=
  if [ -e "$directory" ]; then
    replaced=$directory.replaced-$(date -u +%Y%m%dT%H%M%SZ)
    mv "$directory" "$replaced" || return 1
  fi
  mv "$incoming" "$directory"
  sync -f "$directory"
  say "data: took $1: $listed files, as given${replaced:+; what was in their place stays at ${replaced#"$ROOT"}}"
}

# The other copy is there. From here until the end of the move nothing starts on this one, not by itself either: the book, which is on another node,
# may say any moment that the data is elsewhere.
data_leave() {
  take_lock "leaving $1" || return 1
  idle "$1" || return 1
  holds "$1" || { say "data: $1 has nothing to leave here"; return 1; }
  : >"$(data_directory "$1")/$LEAVING"
  sync -f "$(data_directory "$1")"
}

# The copy that was given is kept under another name: no service starts on it again.
data_gave() {
  directory=$(data_directory "$1")
  [ -e "$directory" ] || return 0
  idle "$1" || return 1
  kept=$directory.moved-$(date -u +%Y%m%dT%H%M%SZ)
  mv "$directory" "$kept" && rm -f "$kept/$LEAVING" && say "data: $1 was moved away; the copy stays at ${kept#"$ROOT"}"
}

# Not while it is written to here: then this copy is the newer one.
data_is_at() {
  [ -z "$2" ] || idle "$1" || return 1
  if [ -n "$2" ]; then printf '%s\n' "$2" | write_file "$STATE/data-$1-at"; else rm -f "$STATE/data-$1-at"; fi
}
