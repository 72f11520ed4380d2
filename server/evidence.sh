# shellcheck shell=sh
# Why a release failed, taken before its containers are replaced. Applications print secrets at their worst moments: every
# value of a secret file is blotted out of whatever is shown.

# Lines of a log that are read, and those that are shown.
EVIDENCE_TAIL=100
EVIDENCE_LINES=20

evidence() {
  container_states | while read -r service status health code restarts oom id; do
    if [ "$status" = running ] && { [ "$health" = healthy ] || [ "$health" = none ]; } && [ "$restarts" = 0 ]; then continue; fi
    say "evidence: $service is $status, health $health, exit code $code, restarts $restarts, killed for memory: $oom"
    bounded 10 docker inspect --format '{{if .State.Error}}error: {{.State.Error}}
{{end}}{{if .State.Health}}{{range .State.Health.Log}}health check exit {{.ExitCode}}: {{.Output}}
{{end}}{{end}}' "$id" 2>&1 | grep -v '^ *$' | grep -v ': *$' | tail -n 2 | redact | indent
    bounded 10 docker logs --tail "$EVIDENCE_TAIL" "$id" 2>&1 | redact | distinct | tail -n "$EVIDENCE_LINES" | indent
  done
}

# A process that crashes at each start says the same each time: a line that differs from an earlier one in its figures alone is shown once,
# where it came last, with how often it came.
distinct() {
  awk '
    { key = $0; gsub(/[0-9]+/, "0", key); times[key]++; text[key] = $0; last[key] = NR; at[NR] = key }
    END { for (n = 1; n <= NR; n++) if (last[at[n]] == n) print text[at[n]] (times[at[n]] > 1 ? "  (" times[at[n]] " times)" : "") }'
}

indent() { cut -c 1-400 | sed 's/^/    | /' >&2; }

# Standard input without the values of the secret files: whole lines, and the last word of a line (`requirepass VALUE`,
# `user NAME >VALUE`).
# Shorter than 6 characters is left: it would blot out half of the text.
redact() {
  awk '
    function note(value) { gsub(/^["\047>]+|["\047]+$/, "", value); if (length(value) >= 6) values[value] = 1 }
    BEGIN {
      for (i = 1; i < ARGC; i++) {
        while ((getline line < ARGV[i]) > 0) {
          note(line)
          n = split(line, words, /[ \t]+/)
          for (w = 1; w <= n; w++) if (w == n || words[w] ~ /^>/) note(words[w])
        }
        close(ARGV[i])
      }
      ARGC = 1
    }
    {
      for (value in values) {
        out = ""
        while ((at = index($0, value)) > 0) { out = out substr($0, 1, at - 1) "[secret]"; $0 = substr($0, at + length(value)) }
        $0 = out $0
      }
      print
    }' "$OPT"/secrets/* 2>/dev/null
}
