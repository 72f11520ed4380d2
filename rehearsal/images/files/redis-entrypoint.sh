#!/bin/sh
# The official image's entry point: options alone mean redis-server; root owns the data directory over to redis first.
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then set -- redis-server "$@"; fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . \! -user redis -exec chown redis '{}' +
	exec setpriv --reuid=redis --regid=redis --clear-groups -- "$0" "$@"
fi
um=$(umask)
if [ "$um" = 0022 ]; then umask 0077; fi
exec "$@"
