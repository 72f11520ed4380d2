# shellcheck shell=sh
# Host settings: the release's host/ tree is copied over /, and what changed gets the one reload it needs. Paths hold no
# white space: Berth renders them.

settings_command() {
  take_lock "settings $1" || return 1
  load_release "$1"
  apply_settings "$1"
}

# apply_settings R12: idempotent. Changed paths wait in host-pending until their reloads are done, so an attempt that
# was cut off between copying and reloading is made good by the next one.
apply_settings() {
  use_scripts "$1"
  tree=$(release_dir "$1")/host
  [ -d "$tree" ] || { say "settings: the release has none"; return 0; }
  pending=$STATE/host-pending
  (cd "$tree" && find . -type f | sed 's,^\./,,' | sort) >"$STATE/host-files.new" || return 1
  while read -r path; do lay_setting "$path" || return 1; done <"$STATE/host-files.new"
  remove_stale_settings || return 1
  mv -f "$STATE/host-files.new" "$STATE/host-files"
  enable_units || return 1
  [ -s "$pending" ] || { say "settings: nothing changed"; return 0; }
  react || return 1
  rm -f "$pending"
}

# The units of the host, and `berth` by hand, run the scripts of the release whose settings these are.
use_scripts() {
  scripts=$(release_value "$1" BERTH_SCRIPTS)
  { [ -n "$scripts" ] && [ -x "$OPT/scripts/$scripts/berth" ]; } || return 0
  [ "$(readlink "$OPT/scripts/current" || :)" != "$scripts" ] || return 0
  ln -sfn "$scripts" "$OPT/scripts/current.new" && mv -fT "$OPT/scripts/current.new" "$OPT/scripts/current"
}

lay_setting() {
  cmp -s "$tree/$1" "$ROOT/$1" && return 0
  say "settings: /$1"
  printf '%s\n' "$1" >>"$pending"
  mkdir -p "$(dirname "$ROOT/$1")" && cp --preserve=mode "$tree/$1" "$ROOT/$1.berth-new" && mv -f "$ROOT/$1.berth-new" "$ROOT/$1"
}

# What an earlier release laid and this one has not goes, so that the host is what the release says.
remove_stale_settings() {
  [ -f "$STATE/host-files" ] || return 0
  grep -vxFf "$STATE/host-files.new" "$STATE/host-files" | while read -r path; do
    say "settings: removing /$path"
    printf '%s\n' "$path" >>"$pending"
    case $path in
      etc/systemd/system/berth*.service | etc/systemd/system/berth*.timer) systemctl disable --quiet "${path##*/}" || : ;;
    esac
    # A timer that is gone would go off once more.
    case $path in
      etc/systemd/system/berth*.timer) systemctl stop --quiet "${path##*/}" || : ;;
    esac
    rm -f "$ROOT/$path"
  done
}

changed() { grep -q "^$1" "$pending"; }

# Those of the changed files below a directory that are still there.
changed_files() {
  grep "^$1" "$pending" | sort -u | while read -r path; do
    if [ -f "$ROOT/$path" ]; then printf '%s\n' "$path"; fi
  done
}

# Units of the tree, by name: berth_units service, berth_units timer.
berth_units() { sed -n "s,^etc/systemd/system/\(berth[^/]*\.$1\)\$,\1,p" "$STATE/host-files"; }

enable_units() {
  if [ -s "$pending" ] && changed etc/systemd/system/; then bounded 60 systemctl daemon-reload || return 1; fi
  for unit in $(berth_units service) $(berth_units timer); do
    systemctl is-enabled --quiet "$unit" && continue
    bounded 60 systemctl enable --quiet "$unit" || return 1
  done
}

# The volume's unit comes first: docker.service requires it, so a restart of Docker would start it anyway.
react() {
  if [ -f "$tree/etc/systemd/system/berth-volume.service" ]; then
    guard_volume || return 1
    bounded 120 systemctl start berth-volume.service || return 1
  fi
  # Only these files: others of the system may hold settings that fail for reasons of their own.
  for path in $(changed_files etc/sysctl.d/); do reaction "kernel settings" sysctl --quiet --load="$ROOT/$path" || return 1; done
  for path in $(changed_files etc/tmpfiles.d/); do reaction "temporary files" systemd-tmpfiles --create "$ROOT/$path" || return 1; done
  ! changed etc/systemd/journald.conf.d/ || reaction "journal" systemctl restart systemd-journald.service || return 1
  ! changed etc/ssh/ || { reaction "sshd: check" sshd -t && reaction "sshd: reload" systemctl reload ssh.service; } || return 1
  ! changed etc/docker/daemon.json || restart_docker || return 1
  for unit in $(berth_units timer); do
    ! changed "etc/systemd/system/$unit" || reaction "$unit" systemctl restart "$unit" || return 1
  done
  for unit in $(berth_units service); do
    # The first is the application, the second the mount under it.
    case $unit in berth.service | berth-volume.service) continue ;; esac
    # What a timer starts is not for now.
    [ ! -f "$tree/etc/systemd/system/${unit%.service}.timer" ] || continue
    needs_restart "$unit" || continue
    # Docker requires the firewall's unit, and a restart of it would be one of Docker: it can be reloaded.
    reaction "$unit" systemctl reload-or-restart "$unit" || return 1
  done
}

needs_restart() {
  changed "etc/systemd/system/$1" && return 0
  [ "$1" = berth-firewall.service ] && { changed etc/berth/firewall.nft || changed etc/docker/daemon.json; }
}

reaction() {
  what=$1
  shift
  say "settings: $what"
  bounded 120 "$@" >&2
}

# A reload turns live-restore on; only then does a restart leave the containers alone.
restart_docker() {
  reaction "docker: reload" systemctl reload docker.service || return 1
  if [ "$(bounded 20 docker info --format '{{.LiveRestoreEnabled}}')" != true ] && [ -n "$(bounded 20 docker ps -q)" ]; then
    say "settings: docker was reloaded, not restarted: without live-restore that would stop the containers; the rest of daemon.json counts from the next boot"
    return 0
  fi
  reaction "docker: restart" systemctl restart docker.service && wait_until 30 docker_answers
}
