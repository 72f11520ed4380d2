# shellcheck shell=sh
# Postgres reads its password file only when it makes an empty data directory. So the password is set in the database itself, at every
# release, way back and boot: a rotated one arrives, the one before returns, and the same one again changes nothing that anyone sees.

# Runs in the container, whose mounted file is the one of the release that it was made for. `\password` has psql send what the server keeps
# (a salted SCRAM verifier) and never the password, which psql reads from standard input like the statements. -w: were the socket
# to ask for a password, that would be an error and not read from here. The settings may be refused, and keep even the verifier out of logs.
# shellcheck disable=SC2016 # the container's shell expands it
SET_PASSWORD='
password=$(cat "$POSTGRES_PASSWORD_FILE") || exit 1
{
  printf "%s\n" "SET log_statement = none;" "SET log_min_duration_statement = -1;" "SET log_min_error_statement = panic;" \
    "SET track_activities = off;" "SET pg_stat_statements.track_utility = off;" "\\set ON_ERROR_STOP on" "\\password"
  printf "%s\n%s\n" "$password" "$password"
} | psql -X -q -w -U "$POSTGRES_USER" -d "$POSTGRES_DB"
'

# passwords_change FROM TO: whether the data services, or what signs in to them, get other passwords.
passwords_change() { [ "$(passwords_of "$1")" != "$(passwords_of "$2")" ]; }
passwords_of() { grep -oE '/opt/berth/secrets/(app-)?(redis|postgres)[-_][A-Za-z0-9._-]*' "$(release_dir "$1")/compose.yaml" 2>/dev/null | sort -u; }

# step_aside FROM TO: an application that is refused from one moment to the next crashes, and is started again by Docker, until it is replaced. One
# that was stopped in order has finished its work.
step_aside() {
  { [ -n "$1" ] && [ -f "$(release_dir "$1")/compose.yaml" ] && passwords_change "$1" "$2"; } || return 0
  say "stop: the application, because its passwords change"
  stop_application "$1" "api worker"
}

# Over the local socket, which trusts the server's own user. Returns 1 with what psql says on standard output.
set_postgres_password() {
  case " $(stateful_services)" in *" postgres "*) ;; *) return 0 ;; esac
  id=$(service_container postgres)
  [ -n "$id" ] || return 0
  psql_said=$(printf '%s' "$SET_PASSWORD" | bounded 30 docker exec -i "$id" sh 2>&1) && return 0
  printf '%s\n' "$psql_said" | redact | grep -v '^ *$' | tail -n 2 | tr '\n' ' '
  return 1
}

# For a way back and a boot: said, and no reason to leave the application down, which may sign in all the same.
restore_postgres_password() {
  psql_said=$(set_postgres_password) || say "postgres: the password of this release could not be set: $psql_said"
}
