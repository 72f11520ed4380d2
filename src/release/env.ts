/** Files of `KEY='value'` lines that the host's scripts read, and check by the same rule (`server/paths.sh`). */

const NAME = /^[A-Z_]+$/;
const VALUE = /^[A-Za-z0-9 _./:@,=+-]*$/;

/**
 * Text of an env file, in the order given.
 * @throws when a value holds what a shell might read as syntax; quotes the value, which is never a secret here.
 */
export function envText(values: Readonly<Record<string, string>>): string {
  return Object.entries(values).map(([name, value]) => `${line(name, value)}\n`).join("");
}

function line(name: string, value: string): string {
  if (!NAME.test(name)) throw new Error(`writing ${name} for the host's scripts: required: a name of A-Z and _; found: ${name}; rename it in src/release`);
  if (!VALUE.test(value)) {
    throw new Error(`writing ${name} for the host's scripts: required: only letters, digits, space and _ . / : @ , = + -; found: ${JSON.stringify(value)}; change the setting it comes from`);
  }
  return `${name}='${value}'`;
}
