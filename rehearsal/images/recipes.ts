import { readFileSync } from "node:fs";

export const IMAGE_NAMES = ["redis", "postgres", "caddy", "node", "registry", "server"] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

/** A file that is laid down in a built image. */
export interface RecipeFile {
  readonly path: string;
  readonly mode: string;
  readonly text: string;
}

/** How one image comes about. Everything in it goes into the image's tag, so that a changed recipe is a new image. */
export interface Recipe {
  /** Reference of the official image; null where there is none. */
  readonly official: string | null;
  /** Debian packages of the release named in `DEBIAN_RELEASE`. */
  readonly packages: readonly string[];
  /** Shell, run in the new root before packages other than the essential ones are there. */
  readonly before: string;
  /** Shell, run in the new root when everything is there. */
  readonly after: string;
  readonly files: readonly RecipeFile[];
  /** `docker import --change`, as in a Dockerfile. */
  readonly config: readonly string[];
  /** Keep apt, its lists and the archives it downloaded. */
  readonly keepApt: boolean;
}

export const DEBIAN_RELEASE = "trixie";

/** Debian's own Docker and what goes with it, as a deployment's first boot installs it. */
export const FIRST_BOOT_PACKAGES = ["docker.io", "docker-cli", "docker-compose", "iptables", "nftables"] as const;

/** What nobody reads in a container. Licences stay: an image is passed on. */
export const UNREAD = ["/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/doc/*/changelog*", "/usr/share/doc/*/NEWS*", "/usr/share/doc/*/examples/*"] as const;

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function file(name: string): string {
  return readFileSync(new URL(`files/${name}`, import.meta.url), "utf8");
}

/** A system account, made before its package is installed, so that it has the official image's number. */
function account(name: string, id: number, home: string): string {
  return [
    `echo '${name}:x:${id}:' >>/etc/group`,
    `echo '${name}:x:${id}:${id}::${home}:/usr/sbin/nologin' >>/etc/passwd`,
    `echo '${name}:!:20000::::::' >>/etc/shadow`,
  ].join("\n");
}

const nothing = { before: "", after: "", files: [], keepApt: false } as const;

export const RECIPES: Readonly<Record<ImageName, Recipe>> = {
  redis: {
    ...nothing,
    official: "redis:8.0",
    packages: ["redis-server", "redis-tools", "util-linux"],
    before: account("redis", 999, "/data"),
    after: "mkdir -p /data && chown redis:redis /data && rm -rf /var/lib/redis /var/log/redis",
    files: [{ path: "/usr/local/bin/docker-entrypoint.sh", mode: "0755", text: file("redis-entrypoint.sh") }],
    config: [`ENV PATH=${PATH}`, "WORKDIR /data", "VOLUME /data", "EXPOSE 6379", 'ENTRYPOINT ["docker-entrypoint.sh"]', 'CMD ["redis-server"]'],
  },
  postgres: {
    ...nothing,
    official: "postgres:17",
    packages: ["postgresql-17", "postgresql-client-17", "util-linux", "findutils"],
    // Without the first line the package makes a cluster of its own.
    before: `mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf\n${account("postgres", 999, "/var/lib/postgresql")}`,
    // LLVM is for JIT alone and half of the image; Postgres does without when the provider is not there.
    after: [
      "rm -rf /usr/lib/postgresql/17/lib/llvmjit* /usr/lib/postgresql/17/lib/bitcode /usr/lib/*/libLLVM* /usr/lib/llvm-*",
      "mkdir -p /docker-entrypoint-initdb.d /var/lib/postgresql/data /var/run/postgresql",
      "chown -R postgres:postgres /var/lib/postgresql /var/run/postgresql && chmod 1777 /var/lib/postgresql/data && chmod 3777 /var/run/postgresql",
      "sed -ri \"s!^#?(listen_addresses)\\s*=\\s*\\S+.*!\\1 = '*'!\" /usr/share/postgresql/17/postgresql.conf.sample",
    ].join("\n"),
    files: [{ path: "/usr/local/bin/docker-entrypoint.sh", mode: "0755", text: file("postgres-entrypoint.sh") }],
    config: [
      `ENV PATH=/usr/lib/postgresql/17/bin:${PATH}`, "ENV LANG=C.UTF-8", "ENV PG_MAJOR=17", "ENV PGDATA=/var/lib/postgresql/data",
      "VOLUME /var/lib/postgresql/data", "EXPOSE 5432", 'ENTRYPOINT ["docker-entrypoint.sh"]', 'CMD ["postgres"]',
    ],
  },
  caddy: {
    ...nothing,
    official: "caddy:2",
    packages: ["caddy", "ca-certificates", "libcap2-bin", "wget"],
    // The official program carries this capability, and so refuses to start where a container drops it.
    after: "setcap cap_net_bind_service=+ep /usr/bin/caddy\nmkdir -p /config/caddy /data/caddy /srv /etc/caddy",
    config: [
      `ENV PATH=${PATH}`, "ENV XDG_CONFIG_HOME=/config", "ENV XDG_DATA_HOME=/data", "WORKDIR /srv", "EXPOSE 80", "EXPOSE 443",
      'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
    ],
  },
  node: {
    ...nothing,
    official: "node:20-trixie-slim",
    packages: ["nodejs", "ca-certificates"],
    before: "echo 'node:x:1000:' >>/etc/group\necho 'node:x:1000:1000::/home/node:/bin/bash' >>/etc/passwd\necho 'node:!:20000::::::' >>/etc/shadow",
    after: "mkdir -p /home/node && chown 1000:1000 /home/node",
    config: [`ENV PATH=${PATH}`, 'CMD ["node"]'],
  },
  registry: {
    ...nothing,
    official: "registry:2",
    packages: ["docker-registry", "ca-certificates"],
    // The official image's names for the program and its settings.
    after: "ln -s /usr/bin/docker-registry /usr/bin/registry\nmkdir -p /var/lib/registry /etc/docker/registry",
    files: [
      {
        path: "/etc/docker/registry/config.yml",
        mode: "0644",
        text: "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: /var/lib/registry\nhttp:\n  addr: :5000\n",
      },
    ],
    config: [`ENV PATH=${PATH}`, "EXPOSE 5000", 'ENTRYPOINT ["registry"]', 'CMD ["serve", "/etc/docker/registry/config.yml"]'],
  },
  server: {
    ...nothing,
    official: null,
    packages: [
      "systemd-sysv", "dbus", "udev", "e2fsprogs", "kmod", "ca-certificates", "openssh-server", "iproute2", "nftables", "iptables", "cloud-init",
      "sudo", "procps", "util-linux", "python3", "netbase", "curl", "unattended-upgrades", "systemd-timesyncd",
      "libpam-systemd", "dbus-user-session", "less",
    ],
    after: [
      // Downloaded now, installed by cloud-init at the first boot: with the recommended packages, whichever way it asks.
      `apt-get -qq -o APT::Install-Recommends=true --download-only --yes install ${FIRST_BOOT_PACKAGES.join(" ")}`,
      // A container has no firmware, no console, no disk of its own to check, and its addresses come from Docker.
      "systemctl mask getty.target console-getty.service systemd-networkd.service systemd-networkd.socket systemd-resolved.service systemd-udevd.service " +
        "systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service systemd-timesyncd.service e2scrub_reap.service",
      // Every server makes its own, as on a real one.
      "rm -f /etc/ssh/ssh_host_* /etc/machine-id && : >/etc/machine-id",
      // A real image has booted before: systemd's work after an update (ldconfig, catalogues) is done.
      "touch /etc/.updated /var/.updated",
    ].join("\n"),
    files: [
      { path: "/etc/stand-in/entry", mode: "0755", text: file("stand-in-entry.sh") },
      { path: "/etc/stand-in/volume", mode: "0755", text: file("stand-in-volume.sh") },
      // Hetzner's user data and addresses come from outside; the network is up before Debian is.
      { path: "/etc/cloud/cloud.cfg.d/90-stand-in.cfg", mode: "0644", text: "datasource_list: [NoCloud]\nnetwork: {config: disabled}\nmanage_etc_hosts: false\n" },
      // Descriptions of packages in other words: 6 MB that every server would fetch.
      { path: "/etc/apt/apt.conf.d/90-stand-in", mode: "0644", text: 'Acquire::Languages "none";\n' },
      // The disk under a stand-in is thrown away with it: flushing every unpacked file to it only costs time.
      { path: "/etc/dpkg/dpkg.cfg.d/stand-in", mode: "0644", text: ["force-unsafe-io", ...UNREAD.map((path) => `path-exclude=${path}`), ""].join("\n") },
    ],
    config: [`ENV PATH=${PATH}`, "ENV container=docker", 'ENTRYPOINT ["/etc/stand-in/entry"]'],
    keepApt: true,
  },
};
