/** One file as it is laid down on the host. `text` ends with a newline; `mode` is an octal string such as "0644". */
export interface Entry {
  readonly path: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly text: string;
}
