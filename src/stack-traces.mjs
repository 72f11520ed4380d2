// Stack traces that name the sources of a bundle, at the price of those that are shown.
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";

/**
 * Pulumi installs source-map-support, which maps every stack that is looked at, and Pulumi looks at one a promise and one a resource: some tenths
 * of a second of every update. From here on Node writes them as they are, and an error that nobody caught is mapped before Pulumi prints it.
 * @param {string} file the bundle; its map is beside it
 * @returns {(error: unknown) => unknown} the same error, its stack mapped
 */
export function namesSources(file) {
  Error.prepareStackTrace = undefined;
  const mapped = (error) => {
    if (error instanceof Error && typeof error.stack === "string") error.stack = withSources(error.stack, file);
    return error;
  };
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    // The only listener would be taken for one that deals with it.
    if (process.listenerCount(event) > 0) process.prependListener(event, mapped);
  }
  return mapped;
}

function withSources(stack, file) {
  try {
    const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, "utf8")));
    return stack.replaceAll(/file:\/\/[^\s()]+\/([^\s()/]+):(\d+):(\d+)/g, (place, name, line, column) => {
      if (!file.endsWith(`/${name}`)) return place;
      const { originalSource, originalLine, originalColumn } = map.findEntry(Number(line) - 1, Number(column) - 1);
      return originalSource === undefined ? place : `${originalSource}:${originalLine + 1}:${originalColumn + 1}`;
    });
  } catch {
    return stack;
  }
}
