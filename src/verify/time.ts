/** Waiting with a bound. */

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** @throws Error `<what>: no answer within <ms> ms` when the promise takes longer. What it does goes on unheard. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what}: no answer within ${ms} ms`));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The whole of an error in one line, with what caused it. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Every address refused: the reasons are inside, the outer message is empty.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  const cause = error.cause === undefined ? "" : `: ${messageOf(error.cause)}`;
  return `${error.message}${cause}`.replace(/\s+/g, " ").trim();
}
