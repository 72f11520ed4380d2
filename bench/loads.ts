import { setTimeout as sleep } from "node:timers/promises";
import { ask, containerIds } from "../rehearsal/observe.ts";
import type { Rehearsal } from "../rehearsal/rehearsal.ts";

/** What a worker does to its host. */
export interface Load {
  readonly name: string;
  /** It leaves no core idle: what the targets speak of. */
  readonly everyCore: boolean;
  /** Once, before anything is measured. */
  readonly prepare: (rehearsal: Rehearsal) => Promise<void>;
  /** @returns what ends it, and comes back when the host is idle again */
  readonly start: (rehearsal: Rehearsal) => Promise<() => Promise<void>>;
}

/** About two seconds of the worker, which does one file at a time: the reference application's own work, a core of it. */
const FILE_MEGABYTES = 80;

const fileQueue: Load = {
  name: "its file queue",
  everyCore: false,
  prepare: () => Promise.resolve(),
  start: (rehearsal) => {
    const state = { ending: false };
    // Two by turns, so that one always waits.
    const givers = [1, 2].map(async (giver) => {
      for (let count = 0; !state.ending; count += 1) {
        const given = await ask(rehearsal, "/jobs", { queue: "file", data: { name: `bench ${giver} ${count}`, megabytes: FILE_MEGABYTES } });
        if (given.status !== 202) throw new Error(`giving a file job: 202 is required, found ${given.status}`);
        const { id } = given.body as { id: string };
        while (((await ask(rehearsal, `/jobs/${id}`)).body as { state?: unknown }).state !== "completed") await sleep(500);
      }
    });
    return Promise.resolve(async () => {
      state.ending = true;
      await Promise.all(givers);
    });
  },
};

/** Four at a time, as a queue with a concurrency of four does it. Each makes its own picture, so that it needs no file, and throws the result away. */
const ENCODE = 'for it in 1 2 3 4; do ffmpeg -nostdin -loglevel error -f lavfi -i testsrc2=size=640x360:rate=60:duration=3600 -c:v libx264 -preset medium -threads 1 -f null - & done; wait';

/** A program on the host that is put into the worker's control groups: it has the worker's weight and limits, and its image need not have it. Each `$` twice: systemd takes one. */
const IN_THE_WORKERS_GROUPS = 'for it in $(find /sys/fs/cgroup -type d -name "*$0*"); do echo $$ >"$it/cgroup.procs" || exit 1; done; exec "$@"'.replaceAll("$", "$$$$");

const transcoder: Load = {
  name: "ffmpeg on every core",
  everyCore: true,
  prepare: async (rehearsal) => {
    await rehearsal.exec(["sh", "-c", "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends ffmpeg >/dev/null"], { timeoutMs: 600_000 });
  },
  start: async (rehearsal) => {
    const { worker = "" } = await containerIds(rehearsal);
    await rehearsal.exec(["systemd-run", "--quiet", "--collect", "--unit=bench-ffmpeg", "--property=KillSignal=SIGKILL", "sh", "-c", IN_THE_WORKERS_GROUPS, worker, "sh", "-c", ENCODE]);
    await sleep(2_000);
    const groups = await rehearsal.attempt(["sh", "-c", "cat /proc/$(pgrep -nx ffmpeg)/cgroup"]);
    if (!groups.stdout.includes(worker)) {
      const { stdout } = await rehearsal.attempt(["journalctl", "--unit=bench-ffmpeg", "--lines=5", "--output=cat"]);
      throw new Error(`ffmpeg on the server: it is required to run in the worker's control groups (${worker}), found: ${groups.stdout}${stdout}`);
    }
    return async () => {
      await rehearsal.attempt(["pkill", "-KILL", "-x", "ffmpeg"]);
    };
  },
};

export const LOADS: readonly Load[] = [fileQueue, transcoder];
