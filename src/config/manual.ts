import { configTable } from "./table.ts";

const BEGIN = "<!-- keys: rendered from src/config/schema.ts by `npm run render` -->\n";
const END = "\n<!-- end keys -->";

/**
 * The manual with its table of keys written anew; everything else as it is.
 * @param page the text of docs/configuration.md
 * @throws when the page has lost the two comments between which the table stands.
 */
export function withConfigTable(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) {
    throw new Error(`rendering the table of keys: required the comments ${BEGIN.trim()} and ${END.trim()} in docs/configuration.md; found them missing or out of order; put them back around the table`);
  }
  return `${page.slice(0, begin)}${BEGIN}${configTable()}${page.slice(end)}`;
}
