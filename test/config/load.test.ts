import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { ConfigError, parseConfig } from "../../src/config/faults.ts";
import { loadConfig } from "../../src/config/load.ts";
import { good } from "./good.ts";

/** Configuration as the engine hands it to a program: text by full key, a section as JSON. */
function engineHolds(config: Readonly<Record<string, unknown>>, others: Record<string, string> = {}): void {
  const own = Object.entries(config).map(([key, value]) => [`berth:${key}`, typeof value === "string" ? value : JSON.stringify(value)]);
  pulumi.runtime.setAllConfig({ ...Object.fromEntries(own), ...others }, ["berth:secrets"]);
}

test("what Pulumi holds under berth: is what parseConfig gives, and other providers' keys are none of it", () => {
  engineHolds({ ...good(), domain: "app.example.com", project: "shop" }, { "hcloud:token": "x", "berthed:server": "x" });
  expect(loadConfig()).toEqual(parseConfig({ ...good(), domain: "app.example.com", project: "shop" }));
});

test("a section that nobody knows is a fault", () => {
  engineHolds({ ...good(), redist: {} });
  expect(() => loadConfig()).toThrow(/^redist: required "redis", if that was meant/);
});

test("Pulumi takes the error for one to show without a stack trace", () => {
  engineHolds({});
  const error = caught();
  expect(error).toBeInstanceOf(ConfigError);
  expect(pulumi.RunError.isInstance(error)).toBe(true);
});

function caught(): unknown {
  try {
    return loadConfig();
  } catch (error) {
    return error;
  }
}
