# shellcheck shell=sh
# What containers and strangers must not reach. Hetzner serves the server's user data, with its private host key, at
# 169.254.169.254 to whoever asks from this machine, containers included.

METADATA=169.254.169.254

firewall_command() {
  # Before Docker's first start there is no such chain; Docker takes over one that it finds.
  iptables -w 10 -N DOCKER-USER 2>/dev/null || :
  if ! iptables -w 10 -C DOCKER-USER -d $METADATA/32 -j REJECT 2>/dev/null; then
    iptables -w 10 -I DOCKER-USER 1 -d $METADATA/32 -j REJECT
  fi
  docker_user_first
  if [ -f "$ETC/firewall.nft" ]; then nft -f "$ETC/firewall.nft"; fi
  say "firewall: containers are refused $METADATA; table inet berth loaded"
}

# A Docker that is restarted beside running containers puts chains of its own before the one that is meant to come first.
docker_user_first() {
  case $(iptables -w 10 -S FORWARD 2>/dev/null | grep '^-A') in '' | '-A FORWARD -j DOCKER-USER'*) return 0 ;; esac
  iptables -w 10 -I FORWARD 1 -j DOCKER-USER
  iptables -w 10 -S FORWARD | grep '^-A' | grep -nx -- '-A FORWARD -j DOCKER-USER' | cut -d: -f1 | sed 1d | sort -rn | while read -r place; do
    iptables -w 10 -D FORWARD "$place"
  done
}
