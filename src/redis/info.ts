/** Reader of Redis's INFO. What a server does not say is `undefined`, never zero: managed providers leave out whole sections. */

/** Field -> value as printed, of all sections. */
export type Info = ReadonlyMap<string, string>;

/** Reads the text of INFO (Redis 7.0, 8.0 and providers that show less). Headings and unknown lines are passed over. */
export function parseInfo(text: string): Info {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** A field as a number; `undefined` when it is absent, empty or not one. */
export function infoNumber(info: Info, field: string): number | undefined {
  const text = info.get(field);
  if (text === undefined || text.trim() === "") return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
