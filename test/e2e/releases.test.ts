import { describe, expect, test } from "vitest";
import { onHost } from "../../src/cli/host.ts";
import { ask, secretsIn, verify, whereSecretsMustNotBe } from "../../rehearsal/observe.ts";
import { noPulumi, notPassed, rehearsed } from "../helpers/deployment.ts";
import { goodRelease } from "../helpers/faults.ts";
import { cutConnections, deployer, holdLock, interruptedUp, killAll, passwordAccepted, type Service } from "../helpers/interruption.ts";
import { postJob } from "../helpers/pulumi.ts";

/** Releases over a stack's life: rotated secrets, ways back, interrupted updates. The tests are in its order, each on what the last one left. */
describe.skipIf(noPulumi !== undefined)(`releases under Pulumi's engine${noPulumi === undefined ? "" : `, ${noPulumi}`}`, () => {
  const rehearsal = rehearsed({ engine: "pulumi" });
  const ROTATED = { redis: "Rotated-redis-0123456789", postgres: "Rotated-postgres-0123456789" } as const;
  const rotation = { "secrets.redisPassword": ROTATED.redis, "secrets.postgresPassword": ROTATED.postgres };
  const first = (): Record<Service, string> => ({ redis: rehearsal.it.secrets.redisPassword, postgres: rehearsal.it.secrets.postgresPassword });
  let job = "";

  /** Which of the two passwords each service takes. */
  async function accepted(): Promise<Record<Service, readonly string[]>> {
    const of = async (service: Service): Promise<readonly string[]> => {
      const taken = { first: await passwordAccepted(rehearsal.it, service, first()[service]), rotated: await passwordAccepted(rehearsal.it, service, ROTATED[service]) };
      return Object.entries(taken).flatMap(([name, is]) => (is ? [name] : []));
    };
    return { redis: await of("redis"), postgres: await of("postgres") };
  }

  async function answers(): Promise<void> {
    expect((await ask(rehearsal.it, "/readyz")).status).toBe(200);
    expect((await ask(rehearsal.it, `/jobs/${job}`)).body).toMatchObject({ id: job });
  }

  test("a failed release with rotated passwords: the ones before are back, and the application of before answers", async () => {
    await rehearsal.it.up();
    job = await postJob(rehearsal.it);
    const good = await goodRelease(rehearsal.it);
    // Whatever Postgres can be told to log, it is to know no password.
    await rehearsal.it.exec(["docker", "exec", "berth-postgres-1", "psql", "-XqU", "app", "-c", "ALTER SYSTEM SET log_statement = 'all'", "-c", "SELECT pg_reload_conf()"]);
    await expect(rehearsal.it.up({ ...rotation, "app.migrate": ["node", "-e", "process.exit(3)"] })).rejects.toThrow(/the migration ended with 3/);
    expect(await accepted()).toEqual({ redis: ["first"], postgres: ["first"] });
    expect(await goodRelease(rehearsal.it)).toBe(good);
    await answers();
    expect(notPassed(await verify(rehearsal.it))).toEqual([]);
  });

  test("rotated passwords arrive although the connection was cut during the release: the next up attaches to it", async () => {
    await interruptedUp(rehearsal.it, rotation, /start: api worker/, () => cutConnections(rehearsal.it));
    const lines: string[] = [];
    const up = await rehearsal.it.up(rotation, (line) => lines.push(line));
    expect(lines.join("\n")).toMatch(/already under way, following it|already succeeded, unseen; verifying it/);
    expect(notPassed(up.report)).toEqual([]);
    expect(await goodRelease(rehearsal.it)).toBe(up.release);
    expect(await accepted()).toEqual({ redis: ["rotated"], postgres: ["rotated"] });
    await answers();
  });

  test("neither the old passwords nor the new ones stand anywhere", async () => {
    const places: Record<string, string> = {
      ...(await whereSecretsMustNotBe(rehearsal.it)),
      "state, present and past": await rehearsal.it.pulumi.state(),
      "engine events": await rehearsal.it.pulumi.events(),
    };
    expect(places["container logs"]).toMatch(/statement: /);
    for (const [place, text] of Object.entries(places)) {
      expect(secretsIn(rehearsal.it, text), place).toEqual([]);
      for (const password of Object.values(ROTATED)) expect(text.includes(password), place).toBe(false);
    }
    // Nor what Postgres makes of one, from which a weak one could be guessed.
    expect(places["container logs"]).not.toContain("SCRAM-SHA-256$");
  });

  test("berth rollback restores the old passwords; Pulumi sees nothing to do, and the next change finds all that it needs, hours later", async () => {
    expect(await onHost(rehearsal.it.sshTarget, ["rollback"], 300)).toBe(0);
    expect(await accepted()).toEqual({ redis: ["first"], postgres: ["first"] });
    await answers();
    expect((await rehearsal.it.up()).changes).toEqual([]);
    await rehearsal.it.exec(["sh", "-c", "find /opt/berth -exec touch -hd '3 hours ago' {} +"]);
    await rehearsal.it.up({ "worker.memoryMb": 640 });
    expect(await accepted()).toEqual({ redis: ["rotated"], postgres: ["rotated"] });
    await answers();
  });

  test("a file that is gone from the server stops nothing, and is laid down again as the fault says", async () => {
    const release = await goodRelease(rehearsal.it);
    const [, secret = ""] = /source: (\/opt\/berth\/secrets\/postgres-password-\S+)/.exec(await rehearsal.it.exec(["cat", `/opt/berth/releases/${release}/compose.yaml`])) ?? [];
    await rehearsal.it.exec(["rm", secret]);
    await expect(rehearsal.it.up({ "worker.memoryMb": 704 })).rejects.toThrow(/release\.files[^]*--replace '\*\*host-\*'/);
    await answers();
    await rehearsal.it.pulumi.run(["up", "--yes", "--skip-preview", "--replace", "**host-*"]);
    expect(await goodRelease(rehearsal.it)).not.toBe(release);
    await answers();
  });

  test("Ctrl-C during a release: Pulumi lets it end and records it", async () => {
    const free = await holdLock(rehearsal.it);
    await interruptedUp(rehearsal.it, { "worker.memoryMb": 768 }, /lock: waiting for/, async () => {
      process.kill(deployer(rehearsal.it), "SIGINT");
      await free();
    });
    const up = await rehearsal.it.up({ "worker.memoryMb": 768 });
    // The release was recorded: what is left is the probe.
    expect(up.changes.map(({ name }) => name)).toEqual(["probe"]);
    expect(await goodRelease(rehearsal.it)).toBe(up.release);
  });

  test("the deployer is killed during a release: Pulumi's lock is cancelled, and the next up attaches or converges", async () => {
    await interruptedUp(rehearsal.it, { "worker.memoryMb": 832 }, /start: api worker/, () => killAll(deployer(rehearsal.it)));
    await expect(rehearsal.it.up({ "worker.memoryMb": 832 })).rejects.toThrow(/the stack is currently locked/);
    await rehearsal.it.pulumi.run(["cancel", "--yes"]);
    const up = await rehearsal.it.up({ "worker.memoryMb": 832 });
    expect(notPassed(up.report)).toEqual([]);
    expect(await goodRelease(rehearsal.it)).toBe(up.release);
    expect((await rehearsal.it.up()).changes).toEqual([]);
    await answers();
  });
});
