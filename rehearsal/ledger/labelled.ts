import type { Docker } from "../docker/docker.ts";

export interface Labelled {
  readonly kind: "container" | "network" | "volume";
  readonly id: string;
  readonly name: string;
}

/** Docker's objects with a label, in the order in which they can be removed. `label` is `NAME` or `NAME=VALUE`. */
export async function labelled(docker: Docker, label: string): Promise<readonly Labelled[]> {
  const filter = ["--filter", `label=${label}`];
  const list = async (kind: Labelled["kind"], args: readonly string[]): Promise<readonly Labelled[]> =>
    (await docker([...args, ...filter])).split("\n").filter((line) => line !== "").map((line) => {
      const [id = "", name = ""] = line.split(" ");
      return { kind, id, name };
    });
  return [
    ...(await list("container", ["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}}"])),
    ...(await list("network", ["network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}"])),
    ...(await list("volume", ["volume", "ls", "--format", "{{.Name}} {{.Name}}"])),
  ];
}

/** Remove Docker's objects with a label, and the containers' anonymous volumes. Throws when some stay. */
export async function removeLabelled(docker: Docker, label: string): Promise<void> {
  // A server's containers end with it, which can take a second try: the kernel lets go of their mounts a little later.
  for (let tries = 0; tries < 3; tries += 1) {
    const found = await labelled(docker, label);
    if (found.length === 0) return;
    const of = (kind: Labelled["kind"]): readonly string[] => found.filter((it) => it.kind === kind).map((it) => it.id);
    if (of("container").length > 0) await docker.attempt(["rm", "--force", "--volumes", ...of("container")], { timeoutMs: 120_000 });
    for (const id of of("network")) await docker.attempt(["network", "rm", id]);
    if (of("volume").length > 0) await docker.attempt(["volume", "rm", "--force", ...of("volume")], { timeoutMs: 120_000 });
  }
  const left = await labelled(docker, label);
  if (left.length > 0) throw new Error(`removing everything with label ${label}: still there: ${left.map((it) => `${it.kind} ${it.name}`).join(", ")}. Remove them by hand`);
}
