# shellcheck shell=sh
# What was so before a release began. The verifier judges it by the same checks: what failed before is not the release's doing, and no older
# release would mend it. Sections as in the facts stream; docs/architecture.md names them. Needs the release loaded.

# record_standing: an attempt that goes on where an earlier one of the same release was cut off keeps what that one found.
record_standing() {
  [ "$BERTH_RELEASE" = "${target:-}" ] || return 0
  good=$(good_release)
  if [ "$(first_line "$STATE/current")" = "$BERTH_RELEASE" ] && [ "$good" != "$BERTH_RELEASE" ] && [ -s "$STATE/standing" ]; then return 0; fi
  # Nothing stands before the first release.
  [ -n "$good" ] || { : | write_file "$STATE/standing"; return 0; }
  # Not the good one where another runs that only the host failed.
  before=$(chosen_release)
  {
    ids=$(project_containers 2>/dev/null) || ids=
    # shellcheck disable=SC2086 # ids are words
    { section inspect; raw docker_json inspect $ids; }
    section containers; raw bounded 20 docker ps -a --no-trunc --format '{{json .}}'
    section listeners; raw bounded 10 ss -H -tulnp
    section docker-user; raw bounded 10 iptables -w 5 -S FORWARD; raw bounded 10 iptables -w 5 -S DOCKER-USER
    section host-table; raw bounded 10 nft list table inet berth
    section drift; raw drift "$before"
    section postgres; raw postgres_words
    redis_words "$before"
  } | write_file "$STATE/standing"
}

# `CONNECTIONS MOST`. A Postgres that has none left to give says so, and nothing else.
postgres_words() {
  [ -n "$(service_container postgres)" ] || return 0
  # shellcheck disable=SC2016 # the container's shell expands it
  said=$(bounded 10 docker exec -i "$(service_container postgres)" sh -c \
    'exec psql -h /var/run/postgresql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -AtF " " -c "select coalesce(sum(numbackends), 0), current_setting('"'max_connections'"') from pg_stat_database"' 2>&1 </dev/null) || :
  case $said in
    *"too many clients"* | *"connection slots are reserved"*) echo "100 100" ;;
    *) printf '%s\n' "$said" ;;
  esac
}

# Redis's own words, by the password of a release that it takes. Of its settings only those that redis.conf has: never the password.
redis_words() {
  conf=$(grep -oE '/opt/berth/files/[0-9a-f]{12}-redis\.conf' "$(release_dir "$1")/compose.yaml" | head -n 1) || conf=
  names=$(sed -n 's/^\([a-z][a-z-]*\) .*/\1/p' "$ROOT$conf" 2>/dev/null | grep -vxE 'include|requirepass' | sort -u | tr '\n' ' ')
  secret=$(release_value "$1" BERTH_REDIS_SECRET)
  { [ -n "$secret" ] && [ -r "$ROOT$secret" ] && [ -n "$(service_container redis)" ]; } || return 0
  # shellcheck disable=SC2016,SC2086 # the container's shell expands it; names are words
  raw bounded 10 docker exec -i "$(service_container redis)" sh -c \
    'IFS= read -r REDISCLI_AUTH || :; export REDISCLI_AUTH
     echo "@@ redis-info"; redis-cli --no-auth-warning INFO
     echo "@@ redis-clients"; redis-cli --no-auth-warning CLIENT LIST
     echo "@@ redis-config"; redis-cli --no-auth-warning CONFIG GET "$@"' sh $names <"$ROOT$secret" | tr -d '\r'
}
