import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

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
  return {
    ask: async (question, otherwise) => {
      const answer = await lines.question(`${question}${otherwise === "" ? "" : ` [${otherwise}]`}: `);
      return answer.trim() === "" ? otherwise : answer.trim();
    },
    askSecret: async (question) => {
      process.stderr.write(`${question} (not shown): `);
      muted = true;
      try {
        return (await lines.question("")).trim();
      } finally {
        muted = false;
        process.stderr.write("\n");
      }
    },
    close: () => lines.close(),
  };
}
