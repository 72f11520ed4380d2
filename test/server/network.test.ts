import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Host } from "./host.ts";

/** A node waits for its address on the private network: without it, no port is published there. */

const R = "aaaaaaaaaaaa";
const OWN = "10.83.7.7";

/** `ip`, as of a server with these interfaces; `-` has no address yet. */
function hostWith(interfaces: Readonly<Record<string, string>>): Host {
  const host = new Host();
  const lines = (line: (name: string, address: string) => string): string => Object.entries(interfaces).map(([name, address]) => line(name, address)).join("");
  const links = lines((name) => `echo "2: ${name}: <UP> mtu 1450"\n`);
  const addresses = lines((name, address) => (address === "-" ? "" : `case "$*" in *"dev ${name}"*|*show) echo "2: ${name}    inet ${address} scope global";; esac\n`));
  host.write("fake/bin/ip", `#!/bin/sh\nif [ "$2" = link ]; then :\n${links}else :\n${addresses}fi\n`);
  chmodSync(join(host.root, "fake/bin/ip"), 0o755);
  host.lay(R, { env: { BERTH_NODE: "main", BERTH_PRIVATE_ADDRESS: OWN, BERTH_NODES_BEFORE: "", BERTH_NODES_AFTER: "redis" } });
  host.write("etc/berth/host.env", `BERTH_PRIVATE_ADDRESS='${OWN}'\n`);
  return host;
}

test("one that never comes: what is required, what was found instead, and what to do; nothing is started", async () => {
  const host = hostWith({ lo: "127.0.0.1/8", eth0: "203.0.113.5/32", "enp7s0@if9": "-", docker0: "172.17.0.1/16" });
  const run = await host.run(["transact", R], { BERTH_NETWORK_WAIT: "1" });
  expect(run.code).toBe(11);
  expect(run.stderr).toMatchInlineSnapshot(`
    "berth: network: waiting for 10.83.7.7 on an interface
    berth: FAILED release.network: seen: no interface has 10.83.7.7 after 1 s; there are eth0 203.0.113.5/32, enp7s0 without an address; expected: this node on the private network, at 10.83.7.7
    berth:        to do: look at the server's networks in Hetzner's web interface: it has to be in one, at this address. An interface without an address was given none by DHCP: journalctl -b. Then run the same command again
    berth: release aaaaaaaaaaaa FAILED, because of the host
          failed    release.network
          runs now  nothing: no release was good yet, and this one was not started
          others    not touched: redis
          to do     Do on the host what the \`to do\` lines above say, then deploy
                    again: the same release is tried again.
          details   /var/lib/berth/results/aaaaaaaaaaaa/log and table.txt, on the
                    host; \`berth logs\` shows what runs now
    "
  `);
  expect(run.calls.filter((line) => / up /.test(line))).toEqual([]);
  // The unit tries again by itself, a release does not.
  expect((await host.run(["network"], { BERTH_NETWORK_WAIT: "1" })).stderr).toContain("It is taken up within a minute, without a reboot");
});

test("one that is there", async () => {
  const run = await hostWith({ eth0: "203.0.113.5/32", enp7s0: `${OWN}/32` }).run(["network"]);
  expect([run.code, run.stderr]).toEqual([0, ""]);
});
