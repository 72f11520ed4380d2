import type { z } from "zod";
import type { HcloudClient } from "./hcloud-client.ts";
import type { Counters } from "./protocol.ts";

export type Properties = Readonly<Record<string, unknown>>;

/** Inputs as they come from Pulumi's side, where they have no type. */
export function properties(value: unknown): Properties {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** What a handler may use besides its inputs. */
export interface Context {
  /** The resource's own name in the program. */
  readonly name: string;
  readonly hcloud: HcloudClient;
  readonly counters: Counters;
  readonly signal: AbortSignal;
  /** Say a line on behalf of this resource. */
  readonly say: (line: string) => void;
}

/** A resource as it was made or found: `outputs` holds what is not already an input. */
export interface Made {
  readonly id: string;
  readonly outputs: Properties;
}

export interface Change extends Made {
  /** Names of the inputs that differ from the last run's. */
  readonly changed: ReadonlySet<string>;
}

/** How one type of resource is carried out. Inputs come unwrapped, under the SDK's names. */
export interface Handler {
  readonly create: (inputs: Properties, context: Context) => Promise<Made>;
  /** Inputs that `update` can change; any other change is refused. `all` for commands, which just run again. */
  readonly updatable: ReadonlySet<string> | "all";
  readonly update: (inputs: Properties, before: Change, context: Context) => Promise<Made>;
  /** Adopt what exists, for `Resource.get`. */
  readonly read?: (id: string, context: Context) => Promise<Made>;
}

/** A handler whose inputs are parsed first, so that a wrong one is named instead of sent on. */
export function handler<S extends z.ZodType>(schema: S, of: {
  readonly create: (inputs: z.infer<S>, context: Context) => Promise<Made>;
  readonly updatable?: readonly string[] | "all";
  readonly update?: (inputs: z.infer<S>, before: Change, context: Context) => Promise<Made>;
  readonly read?: (id: string, context: Context) => Promise<Made>;
}): Handler {
  const { update } = of;
  return {
    create: async (inputs, context) => of.create(parse(schema, inputs), context),
    updatable: of.updatable === "all" ? "all" : new Set(of.updatable ?? []),
    update: async (inputs, before, context) => {
      if (update === undefined) throw new Error("this type has no update");
      return update(parse(schema, inputs), before, context);
    },
    ...(of.read === undefined ? {} : { read: of.read }),
  };
}

export function parse<S extends z.ZodType>(schema: S, inputs: unknown): z.infer<S> {
  const parsed = schema.safeParse(inputs);
  // The value is not shown: it may be a secret.
  if (!parsed.success) throw new Error(`the in-process engine does not take these inputs: ${parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ")}`);
  return parsed.data;
}
