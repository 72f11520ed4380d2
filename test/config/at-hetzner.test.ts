import { expect, test } from "vitest";
import { type HeldVolume, volumeFaults } from "../../src/config/at-hetzner.ts";
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
