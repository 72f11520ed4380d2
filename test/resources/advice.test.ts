import { describe, expect, test } from "vitest";
import { adviceFor } from "../../src/resources/advice.ts";

/** What Hetzner's provider hands on, word for word. */
function said(code: string, sentence = "it did not work"): string {
  return `sdk-v2/provider2.go:571: sdk.helper_schema: ${sentence} (${code}, 80c9d2d47a0577b7): provider=hcloud@1.41.0`;
}

const failure = (type: string, text: string, more = {}) => adviceFor({ type: `hcloud:index/x:${type}`, operation: "create", name: "berth-prod", text, ...more });

describe("a name that is taken", () => {
  test.each([
    ["Volume", "berth:volume.id ID"],
    ["Server", "Made by an update that was cut off, it holds nothing: delete it at Hetzner"],
    ["SshKey", "no server is changed by it"],
    ["PrimaryIp", "If berth:server.location was changed on a living stack: set it back"],
    ["Firewall", "If nothing uses it, delete it at Hetzner"],
  ])("%s", (type, advice) => {
    expect(failure(type, said("uniqueness_error"))).toContain(advice);
  });

  test("a volume whose id is known is named by it", () => {
    expect(failure("Volume", said("uniqueness_error"), { volumeId: "4711" })).toContain("`npx pulumi config set --path berth:volume.id 4711`");
  });
});

test("no room: the type and the place are named, and what is to be done for another", () => {
  const advice = failure("Server", said("resource_unavailable"), { serverType: "cx33", location: "nbg1" });
  expect(advice).toMatch(/^Hetzner has no room for a cx33 in nbg1 now/);
  expect(advice).toContain("berth:server.type TYPE");
  expect(advice).toContain("set berth:server.location");
});

test.each([
  ["locked", "Another action is still under way"],
  ["conflict", "changed it at the same moment"],
  ["rate_limit_exceeded", "3600 an hour"],
  ["server_error", "status.hetzner.com"],
])("%s passes by itself: wait, and the same command again", (code, why) => {
  expect(failure("Server", said(code))).toMatch(new RegExp(`${why}.*run the same command again: it goes on from here`));
});

test.each([
  ["protected", "take the protection off"],
  ["resource_limit_exceeded", "Have it raised"],
  ["unauthorized", "HCLOUD_TOKEN"],
  ["not_found", "with --refresh"],
  ["action_failed", "with --refresh"],
  ["invalid_input", "Correct what Hetzner says"],
])("%s says what to do", (code, what) => {
  expect(failure("Server", said(code))).toContain(what);
});

test("what failed half-way, and is gone at the next update", () => {
  expect(failure("Server", "Resource provider reported that the resource did not exist while updating urn:pulumi:prod::berth")).toMatch(/gone at Hetzner.*--refresh/);
});

test("an answer that got lost: nobody knows, and a second try may say that the name is taken", () => {
  expect(failure("Server", 'Post "http://127.0.0.1:1/v1/servers": EOF')).toMatch(/^No answer of Hetzner's API: .* that a name is taken, it was done\.$/);
});

describe("an update for which the server was powered off", () => {
  const update = (off: boolean | undefined) => failure("Server", said("resource_unavailable"), { operation: "update", serverType: "cx43", location: "nbg1", power: { off, from: "cx33" } });

  test("off: how it comes back is said first, then what stopped the update", () => {
    expect(update(true)).toMatchInlineSnapshot(`"Hetzner has left server berth-prod powered off, and the application is down. Now: power it on in Hetzner's web interface, or by \`hcloud server poweron berth-prod\`; it boots, and brings the application up by itself. Set the server's type back to cx33 if it is to stay so. What stopped the update: Hetzner has no room for a cx43 in nbg1 now, whatever its lists say. Wait and run the same command again; or take another type (\`npx pulumi config set --path berth:server.type TYPE\`). For another location start afresh, because address and volume stay where they were made: \`npx pulumi destroy\`, delete the volume at Hetzner if it holds nothing, set berth:server.location."`);
  });

  test("Hetzner does not say: it may be off", () => {
    expect(update(undefined)).toMatch(/^Hetzner may have left server berth-prod powered off, and the application down\. If so: power it on .* cx33 if it is to stay so\. What stopped the update: Hetzner has no room for a cx43/);
  });

  test("addresses, not the type: they may be off it too", () => {
    expect(failure("Server", said("server_error"), { operation: "update", power: { off: true } })).toContain("See there first that its primary IPs are assigned to it");
  });

  test("on: nothing is said of it", () => {
    expect(update(false)).toMatch(/^Hetzner has no room/);
  });
});
