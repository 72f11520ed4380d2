import { BERTH } from "../compose/paths.ts";
import { inRedis } from "./advice.ts";
import type { Cause } from "./types.ts";

/** One thing that the verification proves. The table in docs/verification.md is rendered from here. */
export interface Rule {
  readonly proves: string;
  /**
   * `host`: what a rollback cannot mend (disk, clock, swap, volume, kernel settings). `release`: everything else, exposure and
   * drift of the running configuration with it.
   */
  readonly cause: Cause;
  /** Whether `unknown` passes. Never where data, exposure or persistence is concerned. */
  readonly unknownPasses: boolean;
  /** What to do when it fails: the config key or the command that mends it. */
  readonly todo: string;
}

const release = (proves: string, todo: string): Rule => ({ proves, cause: "release", unknownPasses: false, todo });
const host = (proves: string, todo: string): Rule => ({ proves, cause: "host", unknownPasses: false, todo });
/** Of speed, not of data: a provider that hides it may. */
const lenient = (rule: Rule): Rule => ({ ...rule, unknownPasses: true });

/**
 * What mends more than one thing, as it is typed on a laptop: the words of `todo` are to be copied. `<redis>` and `<proxy>` stand for the containers'
 * names, which are filled in.
 */
const RESTART = "`berth ssh -- sudo docker restart <redis>`";
/** Starts what is stopped, and makes anew what is not as compose.yaml has it. What runs as it should is left alone. */
export const BOOT = `\`berth ssh -- sudo ${BERTH} boot\``;
export const FIREWALL_COMMAND = `${BERTH} firewall`;
const FIREWALL = `\`berth ssh -- sudo ${FIREWALL_COMMAND}\``;
const SYSCTL = "`berth ssh -- sudo sysctl --load=/etc/sysctl.d/90-berth.conf`";
/** Huge pages, as the release wants them. */
export const TMPFILES = "`berth ssh -- sudo systemd-tmpfiles --create berth.conf`";
/** Where no setting has changed, `pulumi up` alone has nothing to do. */
const AGAIN = "`npx pulumi up --replace '**host-*'`";

/** What was changed at Hetzner, past the stack. */
const REFRESH = "`npx pulumi up --refresh`";
const ACME = "DNS of the domain must point at the server, ports 80 and 443 be open; `berth logs proxy` names the ACME fault. Caddy tries again by itself, and at once after `berth ssh -- sudo docker restart <proxy>`.";
/** After a disk that took nothing. It belongs to making room, whatever Redis says by then. */
export const REWRITE = `Then, before anything restarts Redis, have the file written anew, because a write that was cut short may have left a hole in it, which Redis refuses to load: ${inRedis("BGREWRITEAOF")}`;

/** Every check by id, in the order of the table. `<queue>` stands for each queue. */
export const RULES = {
  "redis.ready": release("Redis answers PONG to the application's own waitForRedisReady", `Read \`berth logs redis\`. A password that was changed by CONFIG SET: ${RESTART}; one that was changed in secrets.redisPassword comes with \`npx pulumi up\`.`),
  "redis.loading": release("the append-only file is loaded (loading:0)", "Wait and `berth verify` again; if it takes longer than redis.loadSeconds, raise that."),
  "redis.save": release("no RDB snapshots (`save` is empty)", `Look who set it, a migration or somebody by CONFIG SET. ${RESTART} brings redis.conf's back.`),
  "redis.aof": release("the append-only file is on", `No restart of Redis now: it would come up with what the file had when it was switched off. ${inRedis("CONFIG SET appendonly yes")}, and the file is whole once ${inRedis("INFO persistence")} says aof_rewrite_in_progress:0.`),
  "redis.aof-status": host("the last write and the last rewrite of the append-only file succeeded", `Make room on the volume (\`berth doctor disk\`, volume.sizeGb), or look for I/O errors (\`berth ssh -- sudo dmesg\`) and at memory for a fork. ${REWRITE}`),
  "redis.eviction-policy": release("a full Redis refuses writes and deletes no job (noeviction)", `Look who set it, a migration or somebody by CONFIG SET. ${RESTART} brings redis.conf's back. Jobs that were evicted are lost.`),
  "redis.maxmemory": release("maxmemory is the release's, and at most (container limit - 128 MiB) / 2", `Changed by CONFIG SET: ${RESTART} brings redis.conf's back. A larger one: redis.maxmemoryMb and redis.memoryMb by that rule, because an AOF rewrite forks and may double memory.`),
  "redis.memory": release("memory in use is under 70 % of maxmemory (70 to 85 % warns, 85 % fails)", `Bound job retention (removeOnComplete, removeOnFail), drain the queues, or raise redis.maxmemoryMb and redis.memoryMb (\`npx pulumi up\`).`),
  "redis.config": release("the running configuration equals the release's redis.conf", `${RESTART} brings redis.conf's back. Change it in the stack's config, and not by CONFIG SET.`),
  "redis.evictions": lenient(release("no key was evicted since the release began", `Find which jobs are missing; redis.eviction-policy says whether more will be. ${RESTART}, or a release, counts anew.`)),
  "redis.rejected": lenient(release("no connection was refused since the release began (maxclients)", `Find who holds connections (\`berth doctor clients\`), then redis.maxclients. ${RESTART}, or a release, counts anew.`)),
  "redis.fork": lenient(release("the last fork took under 500 ms (from 100 ms on it warns, and so does a late fsync)", `Less data (redis.maxmemoryMb), a server.type with more memory bandwidth, a faster disk; no CPU quota on Redis. The last fork counts until the next: BGREWRITEAOF, or ${RESTART}.`)),
  "redis.hugepages": lenient(host("transparent huge pages are off for Redis's process", `${TMPFILES}, then ${RESTART}.`)),
  "redis.overcommit": lenient(host("vm.overcommit_memory is 1, so that a fork is not refused", `${SYSCTL}; what set it otherwise stands in another file of /etc/sysctl.d, or was typed.`)),
  "redis.swap": lenient(host("no part of Redis is in swap", `Find what takes the memory (\`berth doctor\`) and free it (host.reserveMb, smaller limits, a larger server.type), then ${RESTART}.`)),
  "connections.required": release("each process holds every connection it must: a client per queue, a subscriber where it listens, a blocked client where it processes", `Read \`berth logs\` of the process named. A missing blocked client means that nobody takes that queue's jobs (app.queues, worker.processes). What was stopped by hand: ${BOOT}.`),
  "connections.maximum": release("no process holds more of a kind than it must", "Use the queue's own connection (`queue.client`) instead of a new client. If the process is meant to: api.listens, api.processes, worker.listens."),
  "connections.total": release("all connections together are under the ceiling", "Find the surplus below connections.maximum or connections.foreign; redis.connectionCeiling only if it is meant."),
  "connections.foreign": release("nobody but the application is connected to Redis", "Stop the container or program named, or give it a Redis of its own."),
  "app.health": release("every service of the release runs and is healthy", `Read \`berth logs\` of the service named. What was stopped or removed by hand: ${BOOT}.`),
  "app.restarts": release("no container restarted since the release began", `Read \`berth logs\` of the service named: the last lines before the restart. Once that is mended, a release counts anew: ${AGAIN}.`),
  "app.oom": release("no process was killed for want of memory since the release began", `Raise memoryMb of the service named (api, worker, redis, postgres, proxy), or find its leak. A release counts anew.`),
  "app.images": release("every container runs the image of the release", `${BOOT} starts the release's again. A tag that was pushed again: pin app.image by digest.`),
  "app.ready": release("the API answers 200 on app.readyPath", "Read the answer above and `berth logs api`: it names Redis or Postgres."),
  "app.heartbeat": release("the worker renewed its heartbeat since it started, and in time", `Read \`berth logs worker\`; app.heartbeatKey must be the key that the worker renews. What was stopped by hand: ${BOOT}.`),
  "app.canary.<queue>": release("a job through the queue came back", `Read \`berth logs worker\`: is the queue processed, and is its concurrency taken by jobs that do not end? What was stopped by hand: ${BOOT}.`),
  "app.consuming": lenient(release("a worker that is connected takes the jobs that wait, and begins them", "The process is stopped, or its event loop is blocked by a job that computes (`berth logs worker`): restart its container. Work that computes belongs in a process of its own.")),
  "postgres.ready": release("Postgres answers a query over TCP with the application's password", `Read \`berth logs postgres\`. A password that was changed by hand in the database: ${BOOT} sets the release's.`),
  "postgres.connections": release("fewer than 80 % of Postgres's connections are in use", "A smaller pool in the application, or a larger postgres.maxConnections."),
  "host.volume": host("the data mount is the volume with this id, and the data of Redis and Postgres are on it", `See what stands there: \`berth ssh -- findmnt /mnt/berth\`. What covers the volume: \`berth ssh -- sudo umount /mnt/berth\`, once. Where nothing is: \`berth ssh -- sudo systemctl restart berth-volume\`, which stops and starts the application.`),
  "host.disk": host("the volume has 20 % free, and twice the append-only file; the root disk has 10 %", `\`berth doctor disk\` says what takes it. Grow volume.sizeGb, or delete; on the root disk that is images and logs.`),
  "host.memory": lenient(host("the host has over 5 % of its memory available (under 15 % warns)", `\`berth doctor\` says who has it. Stop that, lower the memory limits, or take a larger server.type.`)),
  "exposure.ports": release("nothing is published or listened on but SSH and the proxy, TCP and UDP, on IPv4 and IPv6 (a DHCP client and a clock's daemon may)", `Stop the program that listens (\`berth ssh -- sudo ss -tulnp\` names it), or take away the container that publishes; one of the stack's own comes back as released by ${BOOT}.`),
  "exposure.metadata": release("a container cannot reach the metadata service, which shows the host's private key", FIREWALL),
  "exposure.private": release("with several nodes: Redis, Postgres and an API of another node are refused to a node whose roles do not need them", `${FIREWALL}, on the node named.`),
  "exposure.firewall": release("DOCKER-USER comes first and refuses the metadata address, and the host's own table has the release's rules and no others", FIREWALL),
  "proxy.certificate": host("with a domain: the certificate served has 7 days or more left (under 14 warns); one of a short life, a twelfth of it (a sixth)", ACME),
  "limits.memory": release("each container's memory limit is the release's, and its swap limit equal", `Changed by \`docker update\`, or started otherwise (drift.containers).`),
  "limits.cpu": lenient(release("each container's CPU weight is the release's", `Changed by \`docker update\`, or started otherwise (drift.containers).`)),
  "drift.files": release("the files on the host are the release's, byte for byte", `${AGAIN} lays down the release's again; make the change in the stack's config instead.`),
  "drift.containers": release("each container is as the release's compose.yaml has it, and the project has no other", `${BOOT} makes the container named anew; one that is of no service is taken away.`),
  "drift.kernel": lenient(host("the kernel's settings are the release's", `${SYSCTL}; what set it otherwise stands in another file of /etc/sysctl.d, or was typed.`)),
  "verify.run": release("the verification itself ran to its end", `Run \`berth verify\` again. What cannot be read: ${AGAIN} lays it down again. Else the message above is a fault of the verifier.`),
  "probe.open": release("SSH and the proxy's ports answer where the deployer stands", `A firewall of Hetzner's that was changed by hand: ${REFRESH} puts the stack's back; who may come to port 22 is ssh.sources. What does not run, \`berth status\` shows, and \`berth verify\` says how to start it.`),
  "probe.closed": release("Redis, Postgres, Docker and the API's own port do not answer from outside", `Stop what publishes the port: exposure.ports of \`berth verify\` names it. Then close both firewalls again, Hetzner's by ${REFRESH} and the server's by ${FIREWALL}.`),
  "probe.ready": release("app.readyPath answers 200 through the proxy", `Read \`berth logs proxy\` and \`berth logs api\`; \`berth verify\` looks from inside, and names what is wrong there. What was stopped by hand: ${BOOT}.`),
  "probe.operators": release("/ops/* is not passed on by the proxy", `The Caddyfile must answer 404 to /ops/*, and the release's does: somebody changed it on the server (drift.files). \`berth ssh -- sudo docker stop <proxy>\` closes it now; ${AGAIN} lays the release's down, and starts the proxy with it.`),
  "probe.certificate": release("the certificate is valid for the domain, for 7 days or more (14 warns); one of a short life, for a twelfth of it (a sixth)", ACME),
  "host.clock": host("the server's clock agrees with the deployer's within 5 s", "`timedatectl` here and `berth ssh -- timedatectl` say which of the two is not synchronized. This machine's: set it. The server's: `berth ssh -- sudo systemctl restart systemd-timesyncd`."),
} as const satisfies Record<string, Rule>;

export type RuleId = keyof typeof RULES;
/** An id as a check carries it. */
export type CheckId = Exclude<RuleId, "app.canary.<queue>"> | `app.canary.${string}`;

function isRule(name: string): name is RuleId {
  return Object.hasOwn(RULES, name);
}

/** The rule that a check's id belongs to. Ids of the release script (`release.lock`) have none. */
export function ruleOf(id: string): Rule | undefined {
  const name = id.startsWith("app.canary.") ? "app.canary.<queue>" : id;
  return isRule(name) ? RULES[name] : undefined;
}
