import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { processEmail } from "../../app/src/email-job.ts";
import { processFile } from "../../app/src/file-job.ts";
import { BadRequest, parseJobData } from "../../app/src/job-data.ts";
import { isJobId } from "../../app/src/job-store.ts";

describe("the data of a job", () => {
  test("is taken as its queue needs it; the rest is left out, a canary's mark too", () => {
    expect(parseJobData("file", { name: "a", megabytes: 3, extra: 1, "berth:canary": true })).toEqual({ name: "a", megabytes: 3 });
    expect(parseJobData("email", { to: "a@b.example", subject: "s", text: "t", cc: "x" })).toEqual({ to: "a@b.example", subject: "s", text: "t" });
  });

  test.each([
    ["file", { megabytes: 1 }, "data.name must be text of 1 to 200 characters"],
    ["file", { name: "x".repeat(201), megabytes: 1 }, "data.name must be text of 1 to 200 characters"],
    ["file", { name: "a", megabytes: 1.5 }, "data.megabytes must be a whole number from 1 to 2048"],
    ["file", { name: "a", megabytes: "1" }, "data.megabytes must be a whole number from 1 to 2048"],
    ["file", { name: "a", megabytes: 2_049 }, "data.megabytes must be a whole number from 1 to 2048"],
    ["email", { to: "a@b, c@d", subject: "s", text: "t" }, "data.to must be one e-mail address"],
    ["email", { to: "a@b.c", subject: "", text: "t" }, "data.subject must be text of 1 to 200 characters"],
    ["email", { to: "a@b.c", subject: "s" }, "data.text must be text of 1 to 20000 characters"],
  ] as const)("%s %j is refused", (queue, data, message) => {
    expect(() => parseJobData(queue, data)).toThrow(new BadRequest(message));
    expect(new BadRequest("").statusCode).toBe(400);
  });

  test("an id is a UUID; a canary's number is none", () => {
    expect(["5", "", "'; drop table jobs", "0b0c6f5e-3d0e-4f1e-9a55-6e5f9a1c2d3e"].map(isJobId)).toEqual([false, false, false, true]);
  });
});

describe("the file job", () => {
  test("digests every megabyte, says how far it is, and lets everything else go on meanwhile", async () => {
    const reports: number[] = [];
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 5);
    const result = await processFile({ name: "a", megabytes: 16 }, (percent) => Promise.resolve(reports.push(percent)));
    clearInterval(ticking);
    const content = createHash("sha256");
    for (let slice = 0; slice < 16; slice += 1) content.update(Buffer.alloc(1_048_576, `a:${slice};`));
    expect(result).toMatchObject({ name: "a", bytes: 16 * 1_048_576, sha256: content.digest("hex") });
    expect(reports.at(-1)).toBe(100);
    expect(reports.every((percent, index) => index === 0 || percent >= (reports[index - 1] ?? 0))).toBe(true);
    expect(turns, "the event loop stood still").toBeGreaterThan(10);
  });

  test("the same file gives the same result, another another", async () => {
    const run = (name: string) => processFile({ name, megabytes: 1 }, () => Promise.resolve());
    const [first, second, other] = await Promise.all([run("a"), run("a"), run("b")]);
    expect(second).toEqual(first);
    expect(other.key).not.toBe(first.key);
  });

  test("a report that fails, fails the job", async () => {
    await expect(processFile({ name: "a", megabytes: 1 }, () => Promise.reject(new Error("Missing key for job")))).rejects.toThrow("Missing key for job");
  });
});

test("the e-mail job composes a whole message", async () => {
  let sent = "";
  const result = await processEmail({ to: "a@b.example", subject: "Grüße", text: "line one\nzwei" }, (message) => {
    sent = message;
    return Promise.resolve();
  });
  expect(sent.replaceAll("\r\n", "\n")).toMatchInlineSnapshot(`
    "Message-ID: <b73bbbc93a00fa64e67b03d5ee13d5d2@berth-app>
    To: a@b.example
    Subject: =?UTF-8?B?R3LDvMOfZQ==?=
    MIME-Version: 1.0
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: base64

    bGluZSBvbmUKendlaQ==
    "
  `);
  expect(sent).toMatch(/^(?:[^\r\n]*\r\n)+$/);
  expect(result).toEqual({ messageId: expect.stringMatching(/^<[0-9a-f]{32}@berth-app>$/) as string, bytes: Buffer.byteLength(sent) });
});
