import type { Pool } from "pg";

export type JobState = "waiting" | "active" | "completed" | "failed";

/** A job as the API shows it: the row in Postgres, which outlives the job in Redis. */
export interface JobRecord {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  /** In percent. */
  readonly progress: number;
  readonly result: unknown;
  readonly error: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

interface Row {
  id: string;
  queue: string;
  state: JobState;
  progress: number;
  result: unknown;
  error: string | null;
  created_at: Date;
  updated_at: Date;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Events arrive in any order and from several listeners: what is finished stays finished. */
const UNFINISHED = "state not in ('completed', 'failed')";

/** Whether this can be the id of a row; a canary's job has another kind of id and no row. */
export function isJobId(id: string): boolean {
  return UUID.test(id);
}

/** The table of jobs. */
export class JobStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async add(id: string, queue: string, data: object): Promise<void> {
    await this.#pool.query("insert into jobs (id, queue, data) values ($1, $2, $3)", [id, queue, JSON.stringify(data)]);
  }

  async find(id: string): Promise<JobRecord | undefined> {
    const { rows } = await this.#pool.query<Row>("select id, queue, state, progress, result, error, created_at, updated_at from jobs where id = $1", [id]);
    const row = rows[0];
    if (row === undefined) return undefined;
    const { created_at, updated_at, ...rest } = row;
    return { ...rest, createdAt: created_at.toISOString(), updatedAt: updated_at.toISOString() };
  }

  async started(id: string): Promise<void> {
    await this.#pool.query(`update jobs set state = 'active', updated_at = now() where id = $1 and ${UNFINISHED}`, [id]);
  }

  /** Never backwards: two events may overtake each other on two connections of the pool. */
  async progressed(id: string, percent: number): Promise<void> {
    const whole = Math.max(0, Math.min(100, Math.floor(percent)));
    await this.#pool.query(`update jobs set state = 'active', progress = greatest(progress, $2), updated_at = now() where id = $1 and ${UNFINISHED}`, [id, whole]);
  }

  async completed(id: string, result: unknown): Promise<void> {
    await this.#pool.query(`update jobs set state = 'completed', progress = 100, result = $2, updated_at = now() where id = $1 and ${UNFINISHED}`, [id, JSON.stringify(result ?? null)]);
  }

  async failed(id: string, reason: string): Promise<void> {
    await this.#pool.query(`update jobs set state = 'failed', error = $2, updated_at = now() where id = $1 and ${UNFINISHED}`, [id, reason]);
  }

  async ping(): Promise<void> {
    await this.#pool.query("select 1");
  }
}
