/**
 * Read the command line of an npm script. A wrong one is said without a stack trace, and ends the process with code 2.
 * @param program its name, as in `npm run rehearse`
 */
export function orUsage<T>(program: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${program}: ${error instanceof Error ? error.message : String(error)}; see \`npm run ${program} -- --help\`\n`);
    return process.exit(2);
  }
}
