/**
 * The part of the Compose specification that Berth uses, as types. Strings are literal: what looks like a variable in
 * them is escaped when the file is written, so that a `$` in an application's setting stays a `$`.
 */

/** A bind mount in the long form. `create_host_path: false`: a missing source is an error and not an empty directory. */
export interface BindMount {
  readonly type: "bind";
  readonly source: string;
  readonly target: string;
  readonly read_only?: true;
  readonly bind: { readonly create_host_path: false };
}

export interface NamedVolume {
  readonly type: "volume";
  readonly source: string;
  readonly target: string;
}

/** A published port in the long form. Without `host_ip` it is open on every address, IPv4 and IPv6. */
export interface Port {
  readonly target: number;
  readonly published: string;
  readonly protocol: "tcp";
  readonly mode: "host" | "ingress";
  readonly host_ip?: string;
}

export interface Healthcheck {
  readonly test: readonly string[];
  readonly interval: string;
  readonly timeout: string;
  readonly retries: number;
  readonly start_period: string;
  readonly start_interval: string;
}

export interface Dependency {
  readonly condition: "service_healthy" | "service_started";
}

export interface Logging {
  readonly driver: "json-file";
  readonly options: { readonly "max-size": string; readonly "max-file": string };
}

/** A service. The builders write the keys in about this order: what it is, what it meets, what bounds it. */
export interface Service {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, Dependency>>;
  readonly networks?: readonly string[];
  /** `name:address`: lines of the container's own /etc/hosts. */
  readonly extra_hosts?: readonly string[];
  readonly ports?: readonly Port[];
  readonly volumes?: readonly (BindMount | NamedVolume)[];
  readonly tmpfs?: readonly string[];
  readonly healthcheck?: Healthcheck | { readonly disable: true };
  readonly restart: "unless-stopped" | "no";
  readonly init: true;
  /** Of the container's own network. */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly stop_signal?: string;
  readonly stop_grace_period?: string;
  readonly mem_limit: string;
  readonly memswap_limit: string;
  readonly shm_size?: string;
  readonly cpu_shares?: number;
  readonly pids_limit?: number;
  readonly oom_score_adj?: number;
  readonly read_only?: true;
  readonly cap_drop?: readonly ["ALL"];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly logging: Logging;
}

export interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly networks?: Readonly<Record<string, object>>;
  readonly volumes?: Readonly<Record<string, object>>;
}
