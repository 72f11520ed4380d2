import { afterEach, describe, expect, test } from "vitest";
import { matchesSelector } from "../../../rehearsal/cloud/labels.ts";
import { RateLimit } from "../../../rehearsal/cloud/rate-limit.ts";
import { Bench, PUBLIC_KEY } from "./client.ts";

let bench: Bench;
let started: Bench | undefined;
afterEach(async () => {
  await started?.close();
  started = undefined;
});

describe("every answer", () => {
  test("asks for the token, and carries the rate limit", async () => {
    bench = started = await Bench.start();
    expect(await bench.error(bench.send("GET", "/servers", undefined, "wrong"))).toBe("401 unauthorized: unable to authenticate");
    const answer = await bench.get("/servers");
    expect(answer.headers.get("ratelimit-limit")).toBe("3600");
    expect(answer.headers.get("ratelimit-remaining")).toBe("3599");
    expect(Number(answer.headers.get("ratelimit-reset"))).toBeGreaterThan(Date.now() / 1000 - 1);
  });

  test("is 429 once the budget is used up", async () => {
    bench = started = await Bench.start({ requestsPerHour: 2 });
    const codes = [];
    for (let i = 0; i < 3; i++) codes.push((await bench.get("/servers")).status);
    expect(codes).toEqual([200, 200, 429]);
    expect(await bench.error(bench.get("/servers"))).toBe("429 rate_limit_exceeded: Limit of 2 requests per hour reached");
  });

  test("tells broken JSON, unknown paths and wrong methods apart", async () => {
    bench = started = await Bench.start();
    expect(await bench.error(bench.post("/servers", "{"))).toBe("400 json_error: invalid JSON in the request's body");
    expect(await bench.error(bench.get("/nothing"))).toBe("404 not_found: the stand-in has no /nothing");
    expect(await bench.error(bench.send("PUT", "/servers"))).toBe("405 method_not_allowed: PUT is not allowed on /servers");
    expect(await bench.error(bench.get("/servers?page=0"))).toBe("422 invalid_input: invalid input in field 'page'");
  });

  test("pages, sorts and selects by label", async () => {
    bench = started = await Bench.start();
    for (let i = 0; i < 7; i++) await bench.post("/networks", { name: `net-${i}`, ip_range: `10.${i}.0.0/16`, labels: { odd: String(i % 2 === 1) } });
    const page = await bench.get("/networks?per_page=2&page=2&label_selector=odd%3D%3Dfalse&sort=name:desc");
    expect(page.body.at("networks")).toMatchObject([{ name: "net-2" }, { name: "net-0" }]);
    expect(page.body.at("meta", "pagination")).toEqual({ page: 2, per_page: 2, previous_page: 1, next_page: null, last_page: 2, total_entries: 4 });
  });

  test("changes name and labels by PUT, and leaves what it does not mention", async () => {
    bench = started = await Bench.start();
    const id = (await bench.post("/ssh_keys", { name: "deploy", public_key: PUBLIC_KEY, labels: { a: "b" } })).body.id("ssh_key");
    expect((await bench.send("PUT", `/ssh_keys/${id}`, { name: "new" })).body.at("ssh_key")).toMatchObject({ name: "new", labels: { a: "b" } });
    expect((await bench.send("PUT", `/ssh_keys/${id}`, { labels: {} })).body.at("ssh_key")).toMatchObject({ name: "new", labels: {} });
  });
});

describe("faults", () => {
  test("are used up by the requests they match, and by no other", async () => {
    bench = started = await Bench.start();
    bench.api.faults.next("POST /servers", { code: "resource_unavailable" });
    expect((await bench.get("/servers")).status).toBe(200);
    expect(await bench.error(bench.post("/servers"))).toBe("412 resource_unavailable: error during placement");
    expect(await bench.error(bench.post("/servers"))).toMatch(/^422 invalid_input/);
  });

  test("that no route has are an error of the test", async () => {
    bench = started = await Bench.start();
    expect(() => bench.api.faults.next("POST /serverz", { code: "conflict" })).toThrow(/a route is required, found 'POST \/serverz'/);
  });

  test("fail an action without touching the machine", async () => {
    bench = started = await Bench.start();
    bench.api.faults.nextAction("create_volume", { code: "no_space_left_in_location", message: "full" });
    const made = await bench.done("/volumes", { name: "data", size: 10, location: "nbg1" });
    expect((await bench.get(`/actions/${made.body.id("action")}`)).body.at("action", "error")).toEqual({ code: "no_space_left_in_location", message: "full" });
    expect(bench.machines.calls).toEqual([]);
  });

  test("cut the connection, before or after the work", async () => {
    bench = started = await Bench.start();
    bench.api.faults.next("POST /networks", { cut: "after" });
    await expect(bench.post("/networks", { name: "net", ip_range: "10.0.0.0/16" })).rejects.toThrow("fetch failed");
    expect((await bench.get("/networks")).body.at("networks")).toMatchObject([{ name: "net" }]);
    bench.api.faults.next("GET /networks", { cut: "before" });
    await expect(bench.get("/networks")).rejects.toThrow("fetch failed");
  });

  test("at a rate are the same for the same seed", async () => {
    bench = started = await Bench.start();
    const run = async (): Promise<number[]> => {
      bench.api.faults.rate(0.5, { code: "bad_gateway" }, 7);
      const codes = [];
      for (let i = 0; i < 20; i++) codes.push((await bench.get("/servers")).status);
      bench.api.faults.clear();
      return codes;
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set([200, 502]));
    expect(await run()).toEqual(first);
  });
});

describe("matchesSelector", () => {
  const labels = { env: "prod", tier: "web" };
  test.each([
    ["", true], ["env", true], ["!env", false], ["!gone", true], ["env=prod", true], ["env==prod", true], ["env!=prod", false],
    ["gone!=x", true], ["env in (dev,prod)", true], ["env notin (dev, prod)", false], ["env=prod,tier=web", true], ["env=prod,tier=db", false],
    ["env in (dev,prod),tier", true],
  ])("%j is %s", (selector, expected) => {
    expect(matchesSelector(labels, selector)).toBe(expected);
  });
});

test("RateLimit refills steadily", () => {
  const limit = new RateLimit(3600, 0);
  for (let i = 0; i < 3600; i++) limit.take(0);
  expect(limit.take(0)).toBe(false);
  expect(limit.take(1000)).toBe(true);
  expect(limit.take(1000)).toBe(false);
});
