# shellcheck shell=sh
# What no kept release needs goes. Kept are the good release, the one before it, the chosen one and what was brought up last; the one that was
# laid down last for a release, because Pulumi takes it for laid, with its secrets and its verifier, whatever became of it; and
# those not yet tried, which may belong to a deployment that is under way. A way back prunes nothing: Pulumi knows nothing of it.

prune() {
  take_files_lock || return 1
  good=$(good_release)
  keep=" $good $(release_before "$good") $(chosen_release) $(first_line "$STATE/current") $(first_line "$(kept "$STATE/laid")") "
  dropped_images=
  for directory in "$OPT"/releases/*/; do
    laid=$(basename "$directory")
    case $keep in *" $laid "*) continue ;; esac
    may_be_tried "$laid" && continue
    say "prune: release $laid"
    dropped_images="$dropped_images $(release_value "$laid" BERTH_IMAGES)"
    rm -rf "$directory" "$(results_dir "$laid")" "$(in_memory "$(results_dir "$laid")")"
  done
  prune_history
  prune_images
  prune_files
  prune_scripts
}

# An attempt that waits for its turn has no exit code yet, nor has one that was killed: a day is longer than any of them waits.
may_be_tried() {
  [ ! -e "$(results_dir "$1")/exit" ] && [ -z "$(find "$(release_dir "$1")" -maxdepth 0 -mmin +1440)" ]
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

# Kept are those of kept releases: a way back puts them in their place again.
prune_scripts() {
  kept=" $(basename "$(readlink -f "$OPT/scripts/current")") $(basename "$HERE") $(cat "$OPT"/releases/*/release.env | sed -n "s/^BERTH_SCRIPTS='\(.*\)'\$/\1/p" | tr '\n' ' ') "
  for directory in "$OPT"/scripts/*/; do
    [ ! -L "${directory%/}" ] || continue
    case $kept in *" $(basename "$directory") "*) continue ;; esac
    # The same grace as for files.
    [ -n "$(find "$directory" -maxdepth 0 -mmin +60)" ] || continue
    rm -rf "$directory"
  done
}
