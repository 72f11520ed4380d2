import { inspect } from "node:util";

/**
 * A value that must never be printed. Every way JavaScript has of turning an object into text gives `[secret]`;
 * only `reveal()` gives the value, so each place that needs it can be found by name.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
