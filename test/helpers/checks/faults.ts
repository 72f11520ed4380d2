import { redisCli } from "../../../rehearsal/observe.ts";
import type { Rehearsal } from "../../../rehearsal/rehearsal.ts";
import { fillRedis } from "../causes.ts";
import { sendToHetzner } from "../hardware.ts";

/** What somebody does to a server by hand, so that one check fails. */

const sh = (it: Rehearsal, script: string): Promise<string> => it.exec(["sh", "-euc", script], { timeoutMs: 120_000 });

/**
 * Another text in the place of a file of the kernel's, in the stand-in's own mounts alone: the real one is the machine's, and others work on it.
 * @param made a command that reads the file and prints the text
 */
export function standIn(it: Rehearsal, path: string, made: string): Promise<string> {
  return sh(it, `path=${path}; copy=$(mktemp /run/stand-in.XXXXXX); <"$path" ${made} >"$copy"; chmod 0644 "$copy"; mount --bind "$copy" "$path"`);
}

/** Keys that may be evicted, and a Redis that is told to. */
export async function evict(it: Rehearsal): Promise<void> {
  await redisCli(it, ...Array.from({ length: 40 }, (_, n) => `SET cache:${n} ${"x".repeat(20_000)} EX 30`));
  const used = Number(/used_memory:(\d+)/.exec(await redisCli(it, "INFO memory"))?.[1]);
  // The shortest time to live goes first: nothing of the application's.
  await redisCli(it, "CONFIG SET maxmemory-policy volatile-ttl", `CONFIG SET maxmemory ${used - 400_000}`, "SET cache:last x EX 30", "CONFIG SET maxmemory 192mb", "CONFIG SET maxmemory-policy noeviction");
}

/** A connection that is refused while there may be only as many as there are. */
export async function reject(it: Rehearsal): Promise<void> {
  // What runs in the background has no standard input of its own accord.
  const few = "exec 3<&0; (cat <&3; sleep 1; echo CONFIG SET maxclients 1000; sleep 0.2) | redis-cli >/dev/null & sleep 0.5; redis-cli PING; wait";
  await it.exec(["docker", "exec", "--interactive", "berth-redis-1", "sh", "-c", few], { input: `AUTH ${it.secrets.redisPassword}\nCONFIG SET maxclients 3\n` });
}

/** A fork of a Redis that is given a thousandth of a core, by somebody's `docker update`. Asked from the host, which has its own. */
export async function slowFork(it: Rehearsal): Promise<void> {
  const empty = await fillRedis(it, 0.5);
  await it.exec(["python3", "-c", SLOW_FORK], { input: it.secrets.redisPassword });
  await empty();
}

const SLOW_FORK = `
import socket, subprocess, sys
name = "berth-redis-1"
update = lambda *quota: subprocess.run(["docker", "update", *quota, name], check=True, stdout=subprocess.DEVNULL)
address = subprocess.run(["docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name], check=True, capture_output=True, text=True).stdout.strip()
redis = socket.create_connection((address, 6379), timeout=30)
redis.sendall(b"AUTH %s\\r\\n" % sys.stdin.read().encode())
assert redis.recv(100).startswith(b"+OK")
try:
    update("--cpu-period", "1000000", "--cpu-quota", "1000")
    redis.sendall(b"BGREWRITEAOF\\r\\n")
    redis.recv(100)
finally:
    update("--cpu-quota", "-1")
`;

/** A service's container made anew from another image, by Compose and by hand. */
export async function replaceWith(it: Rehearsal, service: string, image: string): Promise<void> {
  await sh(it, `release=$(cat /var/lib/berth/good); docker commit berth-${service}-1 ${image}; printf 'services: {${service}: {image: ${image}}}\n' >/run/by-hand.yaml
    docker compose --ansi never -p berth -f /opt/berth/releases/$release/compose.yaml -f /run/by-hand.yaml up --detach --wait --no-deps ${service} 2>&1`);
}

/** A container with the project's name on it, and no service of the release's. */
export function strangerOf(it: Rehearsal, service: string): Promise<string> {
  return sh(it, `docker run --detach --name berth-${service} --label com.docker.compose.project=berth --label com.docker.compose.service=${service} --entrypoint sleep "$(docker inspect --format '{{.Config.Image}}' berth-api-1)" 3600`);
}

export function publishFromHost(it: Rehearsal): Promise<string> {
  return it.exec(["systemd-run", "--quiet", "--collect", "--unit=by-hand", "python3", "-m", "http.server", "--directory", "/run", "9999"]);
}

export function addFirewallRule(it: Rehearsal): Promise<string> {
  return it.exec(["nft", "add", "rule", "inet", "berth", "input", "tcp", "dport", "9999", "accept"]);
}

/** Somebody in Hetzner's console: SSH is let in from another office alone, and Redis's port from everywhere. */
export async function changeAtHetzner(it: Rehearsal): Promise<void> {
  const [firewall] = it.api.books.firewalls.values();
  if (firewall === undefined) throw new Error("change the firewall in Hetzner's console: one is required, found none");
  const rule = ({ direction, protocol, port, sourceIps, description }: (typeof firewall.rules)[number]) => ({ direction, protocol, port, source_ips: port === "22" ? ["198.51.100.0/24"] : sourceIps, description });
  const redis = { direction: "in", protocol: "tcp", port: "6379", source_ips: ["0.0.0.0/0"], description: "by hand" };
  await sendToHetzner(it, "POST", `/firewalls/${firewall.id}/actions/set_rules`, { rules: [...firewall.rules.map(rule), redis] });
}

/** A Caddyfile that lost two lines to somebody's editor, and a proxy that was told to read it. */
export function passOnOperators(it: Rehearsal): Promise<string> {
  return sh(it, "sed -i '/@operators/d' /opt/berth/files/*-Caddyfile; docker restart berth-proxy-1");
}

/** Both fences: Docker's chain and the host's own. */
export function openMetadata(it: Rehearsal): Promise<string> {
  return sh(it, "iptables -w 10 -F DOCKER-USER; nft flush chain inet berth forward");
}

/** Something mounted over the volume, whose services go on below. */
export function cover(it: Rehearsal): Promise<string> {
  return sh(it, "mkdir -p /var/tmp/backup; mount --bind /var/tmp/backup /mnt/berth");
}

/** Connections that the API opens for something and forgets. */
export function leak(it: Rehearsal, count: number): Promise<string> {
  return it.exec(["docker", "exec", "--detach", "berth-api-1", "node", "-e", connects("process.env.REDIS_PASSWORD_FILE", count)]);
}

/** A container of somebody's that found the way to Redis. */
export function connectStranger(it: Rehearsal, count: number): Promise<string> {
  return sh(it, `docker run --rm --detach --name reports --network berth_backend --user 0 --volume "$(ls /opt/berth/secrets/app-redis_password-* | head -n 1):/password:ro" --entrypoint node "$(docker inspect --format '{{.Config.Image}}' berth-api-1)" -e ${quoted(connects("'/password'", count))}`);
}

function connects(passwordFile: string, count: number): string {
  return `const password = require("node:fs").readFileSync(${passwordFile}, "utf8").trim(); for (let n = 0; n < ${count}; n++) require("node:net").connect(6379, "redis", function () { this.write("AUTH " + password + "\\r\\nPING\\r\\n"); }).resume();`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A program in the worker's container that takes all the memory there is; the kernel ends the largest. */
export async function oomKill(it: Rehearsal): Promise<void> {
  await it.attempt(["docker", "exec", "berth-worker-1", "node", "-e", "const all = []; for (;;) all.push(Buffer.alloc(16777216, 1));"]);
}

/** An editor on four files of the release: each kind that is laid down. */
export function changeOnHost(it: Rehearsal): Promise<string> {
  return sh(it, `release=/opt/berth/releases/$(cat /var/lib/berth/good)
    for file in /opt/berth/files/*-Caddyfile $release/compose.yaml /opt/berth/scripts/current/status.sh /etc/tmpfiles.d/berth.conf; do echo '# by hand' >>"$file"; done
    sed -i 's/LOG_LEVEL: info/LOG_LEVEL: debug/' $release/compose.yaml`);
}

export async function requirePassword(it: Rehearsal): Promise<void> {
  await redisCli(it, "CONFIG SET requirepass another");
}
