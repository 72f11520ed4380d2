import { expect, test } from "vitest";
import { type HeldServer, type HeldVolume, resizeFaults, volumeFaults } from "../../src/config/at-hetzner.ts";
import { faultLine } from "../../src/config/fault.ts";
import { parseConfig } from "../../src/config/faults.ts";
import { layoutOf } from "../../src/config/nodes.ts";
import { spoilt } from "./good.ts";

const OWN: HeldVolume = { id: 7, name: "berth-prod", server: "berth-prod", own: true };
const ADOPTED: HeldVolume = { id: 9, name: "shop-data", server: "berth-prod", own: false };
const ONE = (id?: number) => ({ volume: id === undefined ? {} : { id } });
const TWO = (volumeId?: number) => ({ nodes: { main: { roles: ["proxy", "api", "worker", "postgres"] }, redis: { roles: ["redis"], ...(volumeId === undefined ? {} : { volumeId }) } } });

function faults(change: Readonly<Record<string, unknown>>, held: readonly HeldVolume[]): string[] {
  const config = parseConfig(spoilt(change));
  return volumeFaults(config, layoutOf(config).nodes, "berth-prod", held).map(faultLine);
}

test.each([
  ["a new stack", ONE(), []],
  ["its own", ONE(), [OWN]],
  ["its own, renamed by hand", ONE(), [{ ...OWN, name: "data" }]],
  ["the adopted one", ONE(9), [ADOPTED]],
  ["none: detached on purpose", ONE(8), []],
  ["one more, attached by hand", ONE(), [{ ...ADOPTED, id: 5 }, OWN]],
  ["another stack's server", ONE(8), [{ ...OWN, server: "shop-prod" }]],
  ["each node its own", TWO(), [OWN, { ...OWN, id: 8, name: "berth-prod-redis", server: "berth-prod-redis" }]],
])("%s: nothing to say", (_, change, held) => {
  expect(faults(change, held)).toEqual([]);
});

test("another one than the server has is refused, by the key that says so", () => {
  expect(faults(ONE(8), [OWN])).toMatchInlineSnapshot(`
    [
      "volume.id: required 7, the volume that server berth-prod has, because another one would be put in its place under the running application (docs/configuration.md, "Another volume", says how to change it); found 8",
    ]
  `);
  expect(faults(ONE(), [ADOPTED])).toMatchInlineSnapshot(`
    [
      "volume.id: required 9, the volume that server berth-prod has, because another one would be put in its place under the running application (docs/configuration.md, "Another volume", says how to change it); found nothing, which means a volume of the stack's own",
    ]
  `);
  expect(faults(TWO(8), [OWN, { ...OWN, id: 6, server: "berth-prod-redis" }]).join()).toMatch(/^nodes\.redis\.volumeId: required 6, .*; found 8$/);
});

const SERVER: HeldServer = { name: "berth-prod", type: "cx33", diskGb: 80, location: "nbg1", architecture: "x86" };
const EU = ["fsn1", "nbg1"];
const SIZES = new Map([
  ["cx23", { memoryMb: 4096, diskGb: 40, architecture: "x86", locations: EU }],
  ["cx33", { memoryMb: 8192, diskGb: 80, architecture: "x86", locations: EU }],
  ["cax31", { memoryMb: 16_384, diskGb: 160, architecture: "arm", locations: EU }],
  ["cx43", { memoryMb: 16_384, diskGb: 160, architecture: "x86", locations: EU }],
]);

function resized(change: Readonly<Record<string, unknown>>, ...held: readonly HeldServer[]): string[] {
  const config = parseConfig(spoilt(change));
  return resizeFaults(config, layoutOf(config).nodes, "berth-prod", held, SIZES).map(faultLine);
}

test.each([
  ["a new stack", { "server.type": "cx23" }, []],
  ["the type it has, which another disk came with", {}, [{ ...SERVER, diskGb: 160 }]],
  ["a larger one", { "server.type": "cx43" }, [SERVER]],
  ["back to a smaller one: a resize keeps the disk", {}, [{ ...SERVER, type: "cx43" }]],
  ["from a type that Hetzner lists no more", { "server.type": "cx43" }, [{ ...SERVER, type: "cx31", architecture: undefined }]],
  ["another stack's server", { "server.type": "cx23" }, [{ ...SERVER, name: "shop-prod" }]],
])("resized, %s: nothing to say", (_, change, held: readonly HeldServer[]) => {
  expect(resized(change, ...held)).toEqual([]);
});

test("a type that the living server cannot become is refused, by the key that says so, with the way to have it all the same", () => {
  expect(resized({}, { ...SERVER, type: "cx43", diskGb: 160 })).toMatchInlineSnapshot(`
    [
      "server.type: required a type with a root disk of at least 160 GB, which server berth-prod has, because a living server is resized in place; for another, shut this one down and delete it in Hetzner's web interface, and run \`npx pulumi up --refresh\`: it is made anew, with the same address and data; found cx33, which has 80 GB",
    ]
  `);
  expect(resized({ "server.type": "cax31" }, SERVER).join()).toMatch(/^server\.type: required a type of architecture x86, which server berth-prod has, .*; found cax31, which is arm$/);
  expect(resized({ "server.type": "cx43" }, { ...SERVER, location: "ash" }).join()).toMatch(/^server\.type: required a type to be had in ash, where server berth-prod is, .*; found cx43, to be had in fsn1, nbg1$/);
  const node = { nodes: { main: { roles: ["proxy", "api", "postgres", "redis"] }, worker: { roles: ["worker"], serverType: "cx23" } } };
  expect(resized(node, SERVER, { ...SERVER, name: "berth-prod-worker" }).join()).toMatch(/^nodes\.worker\.serverType: required a type with a root disk of at least 80 GB, which server berth-prod-worker has, /);
});
