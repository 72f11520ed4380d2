import { ensureDocker } from "../../rehearsal/docker/ensure.ts";

/** One Docker daemon for all tests that need one: the machine's, or our own for as long as they run. */
export default async function setup(): Promise<() => Promise<void>> {
  const docker = await ensureDocker((line) => console.error(line));
  Object.assign(process.env, docker.env);
  return () => docker.close();
}
