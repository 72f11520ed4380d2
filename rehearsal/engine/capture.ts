import type { Readable } from "node:stream";

/** Which streams a command's log shows; both unless the resource says otherwise. */
export type Logging = "stdout" | "stderr" | "stdoutAndStderr" | "none";

export interface Captured {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Both, in the order in which they came: what an error shows. */
  readonly both: () => string;
}

/** Keep what a command writes, and say it line by line while it comes. */
export function capture(streams: { stdout: Readable; stderr: Readable }, logging: Logging | undefined, say: (line: string) => void): Captured {
  const shows = logging ?? "stdoutAndStderr";
  const chunks: { from: "stdout" | "stderr"; text: string }[] = [];
  for (const from of ["stdout", "stderr"] as const) {
    const stream = streams[from];
    const shown = shows === "stdoutAndStderr" || shows === from;
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      chunks.push({ from, text });
      if (!shown) return;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) say(line);
    });
    stream.on("end", () => {
      if (rest !== "") say(rest);
    });
  }
  const joined = (only?: "stdout" | "stderr"): string => chunks.filter((chunk) => only === undefined || chunk.from === only).map((chunk) => chunk.text).join("");
  return {
    stdout: () => joined("stdout").replace(/\n$/, ""),
    stderr: () => joined("stderr").replace(/\n$/, ""),
    both: () => joined(),
  };
}

/** The provider's words for a command that failed; `how` is Go's text for the exit. */
export function commandFailure(how: string, command: string, both: string): Error {
  return new Error(`${how}: running ${JSON.stringify(command)}:\n${both}`);
}
