import { type Fact, known, notKnown } from "../verify/fact.ts";
import { messageOf } from "../verify/words.ts";

/** Section name -> its text, or why it has none: the script writes `! WHY` where a section could not be had. */
export type Sections = ReadonlyMap<string, string>;

/** Reads one section. Missing, empty, refused or malformed, it spoils only itself. */
export function section<T>(sections: Sections, name: string, read: (text: string) => T, empty: "unknown" | "read" = "unknown"): Fact<T> {
  const text = sections.get(name);
  if (text === undefined) return notKnown(`the facts have no section "${name}"`);
  const why = refusal(text);
  if (why !== undefined) return notKnown(why);
  if (text === "" && empty === "unknown") return notKnown(`the facts' section "${name}" is empty`);
  try {
    return known(read(text));
  } catch (error) {
    return notKnown(`the facts' section "${name}" is malformed: ${messageOf(error)}`);
  }
}

/** What the script said in place of a section's end. */
export function refusal(text: string): string | undefined {
  return text.split("\n").findLast((line) => line.startsWith("! "))?.slice(2);
}

/** A word that must be a number. */
export function number(word: string | undefined, what: string): number {
  const value = Number(word);
  if (word === undefined || word === "" || !Number.isFinite(value)) throw new Error(`${what}: required: a number; found: ${word ?? "nothing"}`);
  return value;
}

export function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

export function words(line: string): string[] {
  return line.trim().split(/\s+/);
}

/** Both facts, or why one is missing. */
export function both<A, B>(a: Fact<A>, b: Fact<B>): Fact<readonly [A, B]> {
  if (!a.known) return a;
  if (!b.known) return b;
  return known([a.value, b.value]);
}
