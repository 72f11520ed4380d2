# shellcheck shell=sh
# What no kept release needs goes: kept are the good release, the one before it, the current one, and those that were laid
# down but not yet tried, which may belong to a deployment that is under way.

prune() {
  good=$(good_release)
  keep=" $good $(release_before "$good") $(first_line "$STATE/current") "
  dropped_images=
  for directory in "$OPT"/releases/*/; do
    laid=$(basename "$directory")
    case $keep in *" $laid "*) continue ;; esac
    [ -e "$(results_dir "$laid")/exit" ] || continue
    say "prune: release $laid"
    dropped_images="$dropped_images $(release_value "$laid" BERTH_IMAGES)"
    rm -rf "$directory" "$(results_dir "$laid")"
  done
  prune_history
  prune_images
  prune_files
  prune_scripts
}

# The way back leads only to what is still laid down.
prune_history() {
  # shellcheck disable=SC2094 # write_file writes beside the file, and renames
  while read -r laid; do
    if [ -d "$(release_dir "$laid")" ]; then printf '%s\n' "$laid"; fi
  done <"$STATE/good.history" | write_file "$STATE/good.history"
}

# Only images that a dropped release named, and no kept one: never what others keep on this host.
prune_images() {
  kept=$(cat "$OPT"/releases/*/release.env | sed -n "s/^BERTH_IMAGES='\(.*\)'\$/\1/p" | tr '\n' ' ')
  for image in $dropped_images; do
    case " $kept " in *" $image "*) continue ;; esac
    bounded 60 docker image rm "$image" >/dev/null 2>&1 && say "prune: image $image"
  done
  return 0
}

# Secrets, mounted files and verifiers are named by digest; a release needs those that its compose.yaml or release.env names.
# An hour's grace: a deployment under way lays its files before the compose.yaml that names them.
prune_files() {
  find "$OPT/files" "$OPT/secrets" "$OPT/verifier" -type f -mmin +60 2>/dev/null | while read -r file; do
    grep -qF "${file#"$ROOT"}" "$OPT"/releases/*/compose.yaml "$OPT"/releases/*/release.env || { say "prune: ${file#"$ROOT"}"; rm -f "$file"; }
  done
}

prune_scripts() {
  kept=" $(basename "$(readlink -f "$OPT/scripts/current")") $(basename "$HERE") "
  for directory in "$OPT"/scripts/*/; do
    [ ! -L "${directory%/}" ] || continue
    case $kept in *" $(basename "$directory") "*) continue ;; esac
    # The same grace as for files.
    [ -n "$(find "$directory" -maxdepth 0 -mmin +60)" ] || continue
    rm -rf "$directory"
  done
}
