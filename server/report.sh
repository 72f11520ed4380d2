# shellcheck shell=sh
# Results of an attempt: results/R12/{log,exit,report.json,table.txt,delivered}. A fault found before there is anything to
# verify becomes a report of the verifier's shape with one failed check, so that programs read one thing.

# begin_results R12: the attempt's files are its own; an earlier one's must not be taken for them.
begin_results() {
  results=$(results_dir "$1")
  mkdir -p "$results"
  rm -f "$results/exit" "$results/delivered" "$results/report.json" "$results/table.txt"
}

json_text() { printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g'; }

# fault CAUSE ID SEEN EXPECTED ADVICE: says it, and writes the report when an attempt is under way.
fault() {
  say "FAILED $2: seen: $3; expected: $4"
  say "       to do: $5"
  [ -n "${results:-}" ] || return 0
  printf '{"version":1,"release":"%s","at":"%s","verdict":"fail","cause":"%s","settleMs":0,"totalMs":0,"connections":[],"checks":[{"id":"%s","status":"fail","cause":"%s","seen":"%s","expected":"%s","advice":"%s"}]}\n' \
    "${BERTH_RELEASE:-}" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$1" "$(json_text "$3")" "$(json_text "$4")" "$(json_text "$5")" |
    write_file "$results/report.json"
  printf 'FAIL  %s (%s)\n      seen      %s\n      expected  %s\n      to do     %s\n' "$2" "$1" "$3" "$4" "$5" | write_file "$results/table.txt"
}
