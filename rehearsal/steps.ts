/** One step of the rehearsal as it was timed. */
export interface Timed {
  readonly name: string;
  readonly seconds: number;
}

/**
 * Says what is going on while it goes on: one line per step with its time. On a terminal the running step's last
 * line of output is shown and then replaced; elsewhere every line is plain and stays.
 */
export class Steps {
  readonly done: Timed[] = [];
  readonly #out: NodeJS.WriteStream;
  readonly #verbose: boolean;

  constructor(out: NodeJS.WriteStream = process.stderr, verbose = false) {
    this.#out = out;
    this.#verbose = verbose;
  }

  /** Run one step; what it logs is shown indented. A failure is marked and passed on. */
  async run<T>(name: string, work: (log: (line: string) => void) => Promise<T>): Promise<T> {
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    this.#show(`  …        ${name}`);
    try {
      const result = await work((line) => this.#detail(name, line));
      this.done.push({ name, seconds: seconds() });
      this.line(`  ok ${seconds().toFixed(1).padStart(5)} s ${name}`);
      return result;
    } catch (error) {
      this.line(`FAIL ${seconds().toFixed(1).padStart(5)} s ${name}`);
      throw error;
    }
  }

  line(text: string): void {
    this.#out.write(`${this.#out.isTTY ? "\r\x1b[K" : ""}${text}\n`);
  }

  #detail(name: string, line: string): void {
    for (const part of line.split("\n").map((text) => text.trimEnd()).filter((text) => text !== "")) {
      if (this.#out.isTTY && !this.#verbose) this.#show(`  …        ${name}: ${part}`);
      else this.line(`           ${part}`);
    }
  }

  /** A line that the next one replaces; only where there is a terminal to replace it on. */
  #show(text: string): void {
    if (!this.#out.isTTY) return;
    const width = this.#out.columns || 80;
    this.#out.write(`\r\x1b[K${text.length < width ? text : `${text.slice(0, width - 2)}…`}`);
  }
}
