#!/bin/sh
# The official image's entry point, as far as a deployment leans on it: initdb once into an empty PGDATA with
# POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD(_FILE) and POSTGRES_INITDB_ARGS, the server on its socket only
# meanwhile, /docker-entrypoint-initdb.d, then the server with the arguments given.
set -eu

# file_env VAR: VAR, or the content of the file that VAR_FILE names.
file_env() {
	eval "value=\${$1:-} file=\${$1_FILE:-}"
	if [ -n "$value" ] && [ -n "$file" ]; then
		echo "error: both $1 and $1_FILE are set (but are exclusive)" >&2
		exit 1
	fi
	if [ -n "$file" ]; then value=$(cat "$file"); fi
	export "$1=$value"
	unset "$1_FILE"
}

case ${1:-} in -*) set -- postgres "$@" ;; esac

if [ "${1:-}" = postgres ] && [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA" /var/run/postgresql
	chmod 0700 "$PGDATA"
	chmod 3777 /var/run/postgresql
	find "$PGDATA" ! -user postgres -exec chown postgres '{}' +
	find /var/run/postgresql ! -user postgres -exec chown postgres '{}' +
	exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ "${1:-}" = postgres ]; then
	mkdir -p "$PGDATA"
	chmod 0700 "$PGDATA" 2>/dev/null || :
	if [ ! -s "$PGDATA/PG_VERSION" ]; then
		file_env POSTGRES_PASSWORD
		file_env POSTGRES_USER
		file_env POSTGRES_DB
		file_env POSTGRES_INITDB_ARGS
		: "${POSTGRES_USER:=postgres}"
		: "${POSTGRES_DB:=$POSTGRES_USER}"
		: "${POSTGRES_HOST_AUTH_METHOD:=scram-sha-256}"
		if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
			echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
			echo '       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.' >&2
			exit 1
		fi
		pwfile=$(mktemp)
		printf '%s\n' "$POSTGRES_PASSWORD" >"$pwfile"
		eval 'initdb --username="$POSTGRES_USER" --pwfile="$pwfile" '"$POSTGRES_INITDB_ARGS"
		rm -f "$pwfile"
		printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"

		PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
		sql() { PGPASSWORD=$POSTGRES_PASSWORD psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password "$@"; }
		if [ "$POSTGRES_DB" != postgres ]; then
			echo 'CREATE DATABASE :"db" ;' | sql --dbname postgres --set db="$POSTGRES_DB"
		fi
		for file in /docker-entrypoint-initdb.d/*; do
			case $file in
			*.sh) . "$file" ;;
			*.sql) sql --dbname "$POSTGRES_DB" -f "$file" ;;
			esac
		done
		PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
		unset POSTGRES_PASSWORD
		echo 'PostgreSQL init process complete; ready for start up.'
	fi
fi

exec "$@"
