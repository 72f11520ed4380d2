import type { NetworkAttachment } from "../cloud/machines.ts";
import type { Docker } from "../docker/docker.ts";
import type { Ledger } from "../ledger.ts";
import { PRIVATE_MTU } from "./network.ts";

function networkName(ledger: Ledger, networkId: number): string {
  return `berth-${ledger.id}-private-${networkId}`;
}

/** Connect a server to a private network, which is made at its first use: a bridge that leads nowhere else. */
export async function attachPrivateNetwork(docker: Docker, ledger: Ledger, container: string, attachment: NetworkAttachment): Promise<void> {
  const name = networkName(ledger, attachment.networkId);
  if ((await docker.attempt(["network", "inspect", name])).code !== 0) {
    await docker(["network", "create", ...ledger.label, "--driver", "bridge", "--internal", "--subnet", attachment.ipRange, "--opt", `com.docker.network.driver.mtu=${PRIVATE_MTU}`, name]);
  }
  await docker(["network", "connect", "--ip", attachment.ip, name, container]);
}

/** Disconnect a server; the network goes with its last server. */
export async function detachPrivateNetwork(docker: Docker, ledger: Ledger, container: string, networkId: number): Promise<void> {
  const name = networkName(ledger, networkId);
  await docker(["network", "disconnect", "--force", name, container]);
  await docker.attempt(["network", "rm", name]);
}
