import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { CommandError } from "./command.ts";

/** Asking a person. Questions go to standard error, so that standard output stays what a program may read. */
export interface Asker {
  /** An empty answer means `otherwise`. */
  readonly ask: (question: string, otherwise: string) => Promise<string>;
  /** What is typed is not shown. */
  readonly askSecret: (question: string) => Promise<string>;
  readonly close: () => void;
}

export function terminalAsker(): Asker {
  let muted = false;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!muted) process.stderr.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  lines.on("SIGINT", () => lines.close());
  // A question that is never answered would leave the program waiting for nothing.
  const closed = new Promise<never>((_, reject) => {
    lines.on("close", () => reject(new CommandError("asking: required an answer; found the end of input; no setting was written, and the command may be run again")));
  });
  closed.catch(() => undefined);
  const answerTo = (prompt: string): Promise<string> => Promise.race([lines.question(prompt), closed]);
  return {
    ask: async (question, otherwise) => {
      const answer = await answerTo(`${question}${otherwise === "" ? "" : ` [${otherwise}]`}: `);
      return answer.trim() === "" ? otherwise : answer.trim();
    },
    askSecret: async (question) => {
      process.stderr.write(`${question} (not shown): `);
      muted = true;
      try {
        return (await answerTo("")).trim();
      } finally {
        muted = false;
        process.stderr.write("\n");
      }
    },
    close: () => lines.close(),
  };
}
