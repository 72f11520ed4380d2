/**
 * One file as it is laid down on the host. `mode` is an octal string such as "0644". Files for programs end with a newline; a
 * secret's file holds the value alone.
 */
export interface Entry {
  readonly path: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly text: string;
}
