/** Something that was looked at: what it is, or why that is not known. */
export type Fact<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string };

export function known<T>(value: T): Fact<T> {
  return { known: true, value };
}

export function notKnown(why: string): { readonly known: false; readonly why: string } {
  return { known: false, why };
}
