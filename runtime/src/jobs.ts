/**
 * How long finished jobs stay. Bull's default is for ever, which fills a Redis that evicts nothing until no job can be
 * added. A day and a thousand of the good, a week and five thousand of the bad, are enough to look things up.
 */
export const boundedJobOptions = {
  removeOnComplete: { age: 24 * 3600, count: 1_000 },
  removeOnFail: { age: 7 * 24 * 3600, count: 5_000 },
} as const;
