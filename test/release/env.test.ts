import { expect, test } from "vitest";
import { envText } from "../../src/release/env.ts";

test("one quoted line a key, in the order given", () => {
  expect(envText({ BERTH_WORDS: "80 443", BERTH_REGISTRY: "", BERTH_IMAGES: "ghcr.io/a/b:1.0@sha256:00" })).toBe("BERTH_WORDS='80 443'\nBERTH_REGISTRY=''\nBERTH_IMAGES='ghcr.io/a/b:1.0@sha256:00'\n");
});

test.each(["a'b", "$(id)", "a\nb", "a;b", "`id`", "a\\b", '"'])("the value %j is refused: a shell might read it as syntax", (value) => {
  expect(() => envText({ BERTH_X: value })).toThrow(`found: ${JSON.stringify(value)}; change the setting it comes from`);
});

test("a name that the host's scripts would refuse is refused here", () => {
  expect(() => envText({ "berth-x": "1" })).toThrow("required: a name of A-Z and _; found: berth-x");
});
