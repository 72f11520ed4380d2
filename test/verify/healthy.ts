import { parseClientList } from "../../src/redis/clients.ts";
import { parseInfo } from "../../src/redis/info.ts";
import { known } from "../../src/verify/fact.ts";
import { parseFacts } from "../../src/verify/facts.ts";
import type { Facts, Seen } from "../../src/verify/seen.ts";
import type { Expectations } from "../../src/verify/types.ts";

/** A server on which all is well, as literal text; tests spoil one thing each. */

const MIB = 1024 * 1024;

export const EXPECTATIONS: Expectations = {
  project: "shop",
  queues: ["file", "email"],
  processes: { api: { listens: true, processes: false }, worker: { listens: false, processes: true } },
  connectionCeiling: 12,
  images: {
    redis: "redis:8.0.5",
    postgres: "postgres:17.6",
    api: "registry.example.net/shop@sha256:aaaa",
    worker: "registry.example.net/shop@sha256:aaaa",
    proxy: "docker.io/library/caddy:2.10.2",
    migrate: "registry.example.net/shop@sha256:aaaa",
    verify: "registry.example.net/shop@sha256:aaaa",
  },
  cpuShares: { redis: 4096, postgres: 2048, api: 1024, worker: 128, proxy: 1024 },
  memoryBytes: { redis: 512 * MIB, postgres: 512 * MIB, api: 384 * MIB, worker: 512 * MIB, proxy: 128 * MIB },
  redis: {
    url: "redis://redis:6379",
    passwordFile: "/run/secrets/redis_password",
    managed: null,
    maxmemoryBytes: 192 * MIB,
    maxclients: 1000,
    appendfsync: "everysec",
    config: { maxclients: "1000", maxmemory: String(192 * MIB), save: "", appendonly: "yes" },
  },
  postgres: { host: "postgres", port: 5432, database: "app", user: "app", passwordFile: "/run/secrets/postgres_password", maxConnections: 50 },
  api: { url: "http://api:3000", readyPath: "/readyz", canaryPath: "/ops/canary" },
  heartbeat: { key: "berth:heartbeat:worker", maxAgeSeconds: 90 },
  publishedPorts: [80, 443],
  hostTable: ["input: type filter hook input priority filter; policy drop;", "input: tcp dport { 22, 80, 443 } accept", 'input: counter comment "refused: for the host"'],
  kernel: { "vm.overcommit_memory": "1", "vm.swappiness": "1", "net.core.somaxconn": "4096" },
  volume: { id: "4711", mount: "/mnt/berth" },
  domain: "shop.example",
  settleSeconds: 45,
};

export const SERVICES = ["redis", "postgres", "api", "worker", "proxy"] as const;
export type Service = (typeof SERVICES)[number];

/** `docker inspect` of one container, with the fields that are read. */
export function container(service: Service, change: { state?: object; host?: object; top?: object; mounts?: object[] } = {}): object {
  const index = SERVICES.indexOf(service);
  const data = { redis: ["/mnt/berth/redis", "/data"], postgres: ["/mnt/berth/postgres", "/var/lib/postgresql/data"] };
  const [source, destination] = service === "redis" || service === "postgres" ? data[service] : [];
  const image = { redis: "redis", postgres: "postgres", api: "shop", worker: "shop", proxy: "caddy" }[service];
  return {
    Id: `id-${service}`,
    Name: `/shop-${service}-1`,
    Image: `sha256:image-${image}`,
    RestartCount: 0,
    State: { Status: "running", OOMKilled: false, ExitCode: 0, StartedAt: "2026-11-01T12:00:00.000000001Z", Health: { Status: "healthy" }, ...change.state },
    Config: { Image: EXPECTATIONS.images[service], Labels: { "com.docker.compose.service": service, "com.docker.compose.oneoff": "False", "com.docker.compose.config-hash": `hash-of-${service}` } },
    HostConfig: { Memory: EXPECTATIONS.memoryBytes[service], MemorySwap: EXPECTATIONS.memoryBytes[service], CpuShares: EXPECTATIONS.cpuShares[service], ...change.host },
    NetworkSettings: { Networks: { shop_backend: { IPAddress: `172.20.0.${index + 2}`, GlobalIPv6Address: "", Gateway: "172.20.0.1", IPv6Gateway: "" } } },
    Mounts: change.mounts ?? (source === undefined ? [] : [{ Source: source, Destination: destination, RW: true }]),
    ...change.top,
  };
}

export const VERIFIER = {
  Id: "id-verify",
  Name: "/shop-verify-0123456789ab",
  Image: "sha256:image-shop",
  State: { Status: "running", StartedAt: "2026-11-01T12:09:57Z" },
  Config: { Image: "registry.example.net/shop@sha256:aaaa", Labels: { "com.docker.compose.service": "verify", "com.docker.compose.oneoff": "True" } },
  HostConfig: {},
  NetworkSettings: { Networks: { shop_backend: { IPAddress: "172.20.0.9", Gateway: "172.20.0.1" } } },
  Mounts: [],
};

const GIB = 1024 ** 3;

/** Section -> text of a healthy facts stream, cgroup v1. */
export const SECTIONS: Readonly<Record<string, string>> = {
  release: "0123456789ab",
  baseline: "restarts id-redis 0\noom id-redis 0\nredis run-1 evicted_keys 0 rejected_connections 2",
  inspect: JSON.stringify([...SERVICES.map((service) => container(service)), VERIFIER]),
  images: JSON.stringify([
    { Id: "sha256:image-redis", RepoTags: ["redis:8.0.5"], RepoDigests: ["redis@sha256:bbbb"] },
    { Id: "sha256:image-postgres", RepoTags: ["postgres:17.6"], RepoDigests: [] },
    { Id: "sha256:image-shop", RepoTags: [], RepoDigests: ["registry.example.net/shop@sha256:aaaa"] },
    { Id: "sha256:image-caddy", RepoTags: ["caddy:2.10.2"], RepoDigests: [] },
  ]),
  "compose-hashes": SERVICES.map((service) => `${service} hash-of-${service}`).join("\n"),
  containers: [
    '{"Names":"shop-proxy-1","Ports":"0.0.0.0:80->80/tcp, [::]:80->80/tcp, 0.0.0.0:443->443/tcp, :::443->443/tcp, 2019/tcp"}',
    '{"Names":"shop-redis-1","Ports":"6379/tcp"}',
    '{"Names":"other","Ports":"127.0.0.1:9000->9000/tcp"}',
  ].join("\n"),
  listeners: [
    'udp   UNCONN 0      0      127.0.0.53%lo:53        0.0.0.0:*    users:(("systemd-resolve",pid=400,fd=16))',
    'udp   UNCONN 0      0     203.0.113.5%eth0:68      0.0.0.0:*    users:(("systemd-network",pid=380,fd=20))',
    'udp   UNCONN 0      0            0.0.0.0:47912     0.0.0.0:*    users:(("systemd-timesyn",pid=390,fd=18))',
    'udp   UNCONN 0      0   [fe80::9400]%eth0:546         [::]:*    users:(("systemd-network",pid=380,fd=21))',
    'tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=700,fd=6))',
    'tcp   LISTEN 0      4096         0.0.0.0:80        0.0.0.0:*    users:(("docker-proxy",pid=900,fd=7))',
    'tcp   LISTEN 0      4096         0.0.0.0:443       0.0.0.0:*    users:(("docker-proxy",pid=910,fd=7))',
    'tcp   LISTEN 0      4096   127.0.0.53%lo:53        0.0.0.0:*    users:(("systemd-resolve",pid=400,fd=17))',
    'tcp   LISTEN 0      128             [::]:22           [::]:*    users:(("sshd",pid=700,fd=7))',
    'tcp   LISTEN 0      4096               *:80              *:*    users:(("docker-proxy",pid=901,fd=7))',
  ].join("\n"),
  sysctl: "vm.overcommit_memory = 1\nvm.swappiness = 1\nnet.core.somaxconn = 4096",
  hugepages: "always madvise [never]",
  "redis-status": "Name:\tredis-server\nPid:\t812\nVmRSS:\t   14000 kB\nVmSwap:\t       0 kB\nTHP_enabled:\t0",
  meminfo: "MemTotal:        4000000 kB\nMemFree:          400000 kB\nMemAvailable:    2000000 kB",
  mounts: [
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
    "36 22 8:16 / /mnt/berth rw,relatime shared:2 - ext4 /dev/sdb rw",
    "40 22 0:3 / /proc rw - proc proc rw",
  ].join("\n"),
  volume: `device /dev/sdb\nid 4711\nsentinel 4711\nmountpoint /mnt/berth\nbytes ${20 * GIB}`,
  disk: `Mounted on   1B-blocks       Avail\n/mnt/berth ${20 * GIB} ${15 * GIB}\n/          ${40 * GIB} ${30 * GIB}`,
  aof: "1048576\t/mnt/berth/redis/appendonlydir",
  cgroup: SERVICES.map((service) => `id-${service} oom 0\nid-${service} cpu.shares ${EXPECTATIONS.cpuShares[service]}`).join("\n"),
  "docker-user": "-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n-A FORWARD -j DOCKER-ISOLATION-STAGE-1\n-N DOCKER-USER\n-A DOCKER-USER -d 169.254.169.254/32 -j REJECT --reject-with icmp-port-unreachable\n-A DOCKER-USER -j RETURN",
  "host-table": "table inet berth {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\ttcp dport { 22, 80, 443 } accept\n\t\tcounter packets 12 bytes 840 comment \"refused: for the host\"\n\t}\n}",
  drift: "",
  sockets: "",
  certificate: "notBefore=Oct  2 12:00:00 2026 GMT\nnotAfter=Dec 31 12:00:00 2026 GMT\nissuer=O = Let's Encrypt, CN = E7",
};

/** A stream of these sections; `undefined` leaves one out. */
export function stream(change: Readonly<Record<string, string | undefined>> = {}): string {
  return Object.entries({ ...SECTIONS, ...change }).flatMap(([name, text]) => (text === undefined ? [] : [`@@ ${name}\n${text}\n`])).join("");
}

const ADDRESS = { api: "172.20.0.4", worker: "172.20.0.5" };

/** One line of CLIENT LIST, in the form of Redis 8.0. */
export function client(id: number, host: string, name: string, change: { flags?: string; sub?: number; cmd?: string; age?: number } = {}): string {
  const { flags = "N", sub = 0, cmd = "eval", age = 100 } = change;
  return `id=${id} addr=${host}:${40_000 + id} laddr=172.20.0.2:6379 fd=8 name=${name} age=${age} idle=1 flags=${flags} db=0 sub=${sub} psub=0 ssub=0 cmd=${cmd} user=default`;
}

/** The ten connections of an API that listens and a worker that processes two queues, and Redis's health check. */
export const CLIENT_LINES: readonly string[] = [
  ...["file", "email"].flatMap((queue, index) => [
    client(10 + index * 5, ADDRESS.api, `api:client:${queue}`),
    client(11 + index * 5, ADDRESS.api, `api:subscriber:${queue}`, { flags: "P", sub: 1, cmd: "subscribe" }),
    client(12 + index * 5, ADDRESS.worker, `worker:client:${queue}`),
    client(13 + index * 5, ADDRESS.worker, `worker:subscriber:${queue}`, { flags: "P", sub: 1, cmd: "subscribe" }),
    client(14 + index * 5, ADDRESS.worker, `bull:${Buffer.from(queue).toString("base64")}`, { flags: "b", cmd: "brpoplpush" }),
  ]),
  client(30, "127.0.0.1", "", { cmd: "ping", age: 0 }),
];

export const INFO = [
  "# Server", "redis_version:8.0.5", "run_id:run-1", "# Memory", "used_memory:1048576", `maxmemory:${192 * MIB}`, "maxmemory_policy:noeviction",
  "# Persistence", "loading:0", "aof_enabled:1", "aof_last_bgrewrite_status:ok", "aof_last_write_status:ok", "aof_delayed_fsync:0",
  "# Stats", "evicted_keys:0", "rejected_connections:2", "latest_fork_usec:312",
].join("\r\n");

export const CONFIG: Readonly<Record<string, string>> = { ...EXPECTATIONS.redis.config, dir: "/data", "maxmemory-policy": "noeviction" };

export interface SeenChange {
  readonly clients?: readonly string[];
  readonly info?: Readonly<Record<string, string>>;
  readonly config?: Readonly<Record<string, string>>;
  readonly redis?: Partial<Seen["redis"]>;
  readonly rest?: Partial<Omit<Seen, "redis">>;
}

export function seen({ clients = CLIENT_LINES, info = {}, config = {}, redis = {}, rest = {} }: SeenChange = {}): Seen {
  return {
    at: "2026-11-01T12:10:00.000Z",
    redis: {
      ready: known(12),
      info: known(new Map([...parseInfo(INFO), ...Object.entries(info)])),
      config: known(new Map(Object.entries({ ...CONFIG, ...config }))),
      clients: known(parseClientList(clients.join("\n"))),
      ownHost: undefined,
      queues: known(new Map(["file", "email"].map((queue) => [queue, { waiting: 0, active: 1, notBegun: 0, notTaken: 0, occupied: 0, lost: [], moves: false }]))),
      heartbeatTtlMs: known(75_000),
      ...redis,
    },
    names: new Map(),
    postgres: known({ ms: 9, connections: 6, maxConnections: 50, dataDirectory: "/var/lib/postgresql/data/pgdata" }),
    api: {
      ready: known({ status: 200, ms: 7, body: "" }),
      canary: known(new Map([["file", { ok: true, detail: "came back after 4 ms" }], ["email", { ok: true, detail: "came back after 5 ms" }]])),
    },
    refused: known([]),
    metadata: known({ connected: false, detail: "refused (ECONNREFUSED)" }),
    ...rest,
  };
}

/** Facts of a healthy server, but for what is changed. */
export function facts(change: SeenChange & { readonly sections?: Readonly<Record<string, string | undefined>> } = {}): Facts {
  return { seen: seen(change), host: parseFacts(stream(change.sections)) };
}

/** The `inspect` section with one service's container changed. */
export function inspectWith(service: Service, change: Parameters<typeof container>[1]): string {
  return JSON.stringify([...SERVICES.map((one) => container(one, one === service ? change : {})), VERIFIER]);
}
