import { afterAll, beforeAll, expect, test } from "vitest";
import { reachableDocker } from "../../rehearsal/docker/ensure.ts";
import type { Docker } from "../../rehearsal/docker/docker.ts";
import { ensureImage } from "../../rehearsal/images.ts";
import { nftTable, tableRules } from "../../src/host/nftables.ts";
import { stack } from "../helpers/stack.ts";

/**
 * The host's own table with packets: a neighbour, the host, and a container behind a bridge named as Docker names them, each a network
 * namespace. The rules beside it publish 80 and, by mistake, 6379, the way Docker does.
 */
const TOPOLOGY = `
for name in outside host container; do ip netns add $name; ip -n $name link set lo up; done
ip link add o0 netns outside type veth peer name eth0 netns host
ip link add c0 netns container type veth peer name v0 netns host
ip -n host link add br-0123456789ab type bridge
ip -n host link set v0 master br-0123456789ab
ip -n outside addr add 10.9.0.2/24 dev o0
ip -n host addr add 10.9.0.1/24 dev eth0
ip -n host addr add 172.30.0.1/24 dev br-0123456789ab
ip -n container addr add 172.30.0.2/24 dev c0
for link in outside:o0 host:eth0 host:v0 host:br-0123456789ab container:c0; do ip -n \${link%%:*} link set \${link#*:} up; done
ip -n outside route add default via 10.9.0.1
ip -n container route add default via 172.30.0.1
# The metadata service is outside, as Hetzner's is.
ip -n outside addr add 169.254.169.254/32 dev lo
ip -n host route add 169.254.169.254/32 via 10.9.0.2
ip netns exec host sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip netns exec host nft -f - <<'RULES'
table ip docker {
  chain prerouting {
    type nat hook prerouting priority dstnat
    iifname "eth0" tcp dport { 80, 6379 } dnat to 172.30.0.2
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip saddr 172.30.0.0/24 oifname "eth0" masquerade
  }
}
RULES
`;

const LISTEN = `
import socket, sys, threading, time
def serve(port):
    s = socket.create_server(("0.0.0.0", port))
    while True: s.accept()[0].close()
for port in sys.argv[1:]: threading.Thread(target=serve, args=(int(port),), daemon=True).start()
time.sleep(600)
`;

const CONNECT = `
import socket, sys
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close(); print("open")
except TimeoutError: print("silence")
except OSError: print("refused")
`;

let docker: Docker;
let id = "";

beforeAll(async () => {
  docker = await reachableDocker();
  const image = await ensureImage("server");
  const capabilities = ["--cap-add", "NET_ADMIN", "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined", "--security-opt", "seccomp=unconfined"];
  id = (await docker(["run", "--detach", "--label", `berth.test=firewall-${process.pid}`, ...capabilities, "--entrypoint", "sleep", image, "infinity"])).trim();
  await docker(["exec", "--interactive", id, "sh", "-eu"], { input: `mount -o remount,rw /proc/sys 2>/dev/null || mount -o remount,rw,bind /proc/sys\n${TOPOLOGY}` });
  await docker(["exec", "--interactive", id, "ip", "netns", "exec", "host", "nft", "-f", "-"], { input: nftTable(stack()) });
  for (const [name, ...ports] of [["outside", "80", "8080"], ["host", "22", "9999"], ["container", "80", "6379"]] as const) {
    await docker(["exec", "--detach", id, "ip", "netns", "exec", name, "python3", "-c", LISTEN, ...ports]);
  }
  // Listening takes a moment: the one way that is open in any case says when.
  for (let tries = 0; tries < 20 && await reach("host", "10.9.0.2", "80") !== "open"; tries += 1) await new Promise((resolve) => setTimeout(resolve, 250));
});
afterAll(async () => {
  if (id !== "") await docker.attempt(["rm", "--force", "--volumes", id]);
});

async function reach(from: "outside" | "host" | "container", address: string, port: string): Promise<string> {
  return (await docker(["exec", id, "ip", "netns", "exec", from, "python3", "-c", CONNECT, address, port])).trim();
}

test.each([
  ["outside", "10.9.0.1", "80", "open", "what the proxy publishes"],
  ["outside", "10.9.0.1", "22", "open", "sshd, behind the Hetzner firewall"],
  ["outside", "10.9.0.1", "6379", "silence", "a port published by mistake"],
  ["outside", "10.9.0.1", "9999", "silence", "a program on the host"],
  ["outside", "172.30.0.2", "6379", "silence", "a container, by a route laid to it"],
  ["container", "169.254.169.254", "80", "refused", "the metadata service, from a container"],
  ["host", "169.254.169.254", "80", "open", "the metadata service, from the host"],
  ["container", "10.9.0.2", "8080", "open", "the world, from a container"],
  ["container", "172.30.0.1", "9999", "silence", "a program on the host, from a container"],
] as const)("from %s to %s:%s: %s (%s)", async (from, address, port, expected, _what) => {
  expect(await reach(from, address, port)).toBe(expected);
});

test("what nft says of the loaded table is what was rendered, rule by rule: the verification compares them", async () => {
  const loaded = await docker(["exec", id, "ip", "netns", "exec", "host", "nft", "list", "table", "inet", "berth"]);
  expect(tableRules(loaded)).toEqual(tableRules(nftTable(stack())));
  expect(tableRules(loaded).length).toBeGreaterThan(10);
});
