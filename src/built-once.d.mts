import type { BuildOptions } from "esbuild";

/** The repository. */
export declare const ROOT: string;

/** A file that holds the text, named by its content. `built`: it was not in the cache. */
export interface Built {
  readonly file: string;
  readonly text: string;
  readonly built: boolean;
}

/**
 * One bundle by esbuild, kept in node_modules/.cache until a source of it, or what npm installed, changes.
 * @param name of the bundle, as a file's
 * @param options paths in them are absolute; no plugins
 * @throws what esbuild reports, when the sources do not build
 */
export declare function builtOnce(name: string, options: BuildOptions): Promise<Built>;
