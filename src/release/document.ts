import type { Entry } from "./entry.ts";

/** Shell documents that lay files down on the host: readable, so that a preview's diff shows the lines that change. */

export interface Directory {
  readonly path: string;
  readonly mode: string;
}

/** A symbolic link that is made where there is none: what it points at from then on is for a release to say, under its lock. */
export interface Link {
  readonly path: string;
  readonly target: string;
}

export interface Layout {
  /** First line of the document, for people. */
  readonly title: string;
  /** Directories whose mode matters; others are made as they are needed, 0755. */
  readonly directories?: readonly Directory[];
  /** A directory whose name changes with its content: said once, so that it is one line of a difference and not one a file. */
  readonly base?: { readonly variable: string; readonly path: string };
  readonly entries: readonly Entry[];
  /**
   * Directories whose files have names that say nothing of their content: the host writes their sums beside them, by which it tells what somebody
   * edited (server/facts.sh). Not part of the text, where each would be a line of a difference that nobody can read.
   */
  readonly summed?: readonly string[];
  /** Set last, once everything they point at is there. */
  readonly links?: readonly Link[];
}

/**
 * `put` keeps a file that already has these bytes: the same file on the host, so that no container that mounts it is made
 * anew. Otherwise it writes beside it and renames. It reads its standard input to the end in any case.
 */
const HELPERS = `umask 077
root=\${BERTH_ROOT:-}
part=
trap 'rm -f "$part"' EXIT

# Not while what no release needs is being removed: to this document it might look laid already. Not the lock of a release,
# which may take an hour.
(umask 022; mkdir -p "$root/var/lib/berth")
exec 9<>"$root/var/lib/berth/files.lock"
flock -w 120 9 || { echo "berth: laying files down: required: $root/var/lib/berth/files.lock is free within 120 s; found: it is held; look at it with: fuser -v $root/var/lib/berth/files.lock" >&2; exit 1; }

# For tests: below BERTH_ROOT anyone may lay files down, and owners are left out.
own() {
  if [ "$(id -u)" = 0 ]; then chown "$1" "$2"; return; fi
  [ -n "$root" ] || { echo "berth: laying files down: required: root; found: $(id -un); run it with sudo" >&2; exit 1; }
}

# directory MODE PATH
directory() {
  (umask 022; mkdir -p "$root$2")
  chmod "$1" "$root$2"
}

# put MODE UID:GID PATH [exact], text on standard input; exact: without the last line's end
put() {
  path=$root$3
  (umask 022; mkdir -p "\${path%/*}")
  part=$path.part.$$
  if [ "\${4:-}" = exact ]; then head -c -1 >"$part"; else cat >"$part"; fi
  own "$2" "$part"
  chmod "$1" "$part"
  if [ -f "$path" ] && cmp -s "$part" "$path"; then
    own "$2" "$path"
    chmod "$1" "$path"
    rm -f "$part"
  else
    mv -f "$part" "$path"
  fi
}

# sums DIRECTORY NAME...: as sha256sum --check reads them
sums() {
  of=$1
  shift
  for name in "$@"; do printf '%s  %s\n' "$(sha256sum <"$root$of/$name" | cut -d ' ' -f 1)" "$of/$name"; done | put 0644 0:0 "$of/sums"
}

# first TARGET PATH: a link where there is none yet
first() {
  [ ! -e "$root$2" ] || return 0
  ln -sfn "$1" "$root$2.part"
  mv -fT "$root$2.part" "$root$2"
}
`;

/** In single quotes for a POSIX shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

const DELIMITER = "END_OF_FILE";
/** Another first letter is enough, whatever the lines of the text begin with; more than these it need not be. */
const DELIMITERS = [DELIMITER, ..."ABCDFGHIJKLMNOPQRSTUVWXYZ".split("").map((letter) => `${letter}_${DELIMITER}`)];

const BEYOND_ASCII = /[^\0-\x7f]/;

/** A line that ends the text, and that none of its lines is taken for. */
function delimiter(text: string): string {
  if (!text.includes(DELIMITER) && !BEYOND_ASCII.test(text)) return DELIMITER;
  const lines = text.split("\n");
  const mark = DELIMITERS.find((it) => !lines.some((line) => line === it || isLosing(line, it)));
  if (mark === undefined) throw new Error("laying down a file: required: a letter with which no line of it begins, before one beyond ASCII; found: none");
  return mark;
}

/** dash (0.5.12 and before) compares each line with the mark as it reads it, and loses a byte above ASCII right behind what was the same so far. */
function isLosing(line: string, mark: string): boolean {
  let same = 0;
  while (same < mark.length && line[same] === mark[same]) same += 1;
  return same > 0 && line.charCodeAt(same) > 127;
}

/** A path for the shell: below the base by its variable, else as it is. */
function location(path: string, base: Layout["base"]): string {
  return base !== undefined && path.startsWith(`${base.path}/`) ? `"$${base.variable}"${quoted(path.slice(base.path.length))}` : quoted(path);
}

/** An entry that stands in the document of every node (a script) is written once. */
const written = new WeakMap<Entry, string>();

function put(entry: Entry, base: Layout["base"]): string {
  const where = location(entry.path, base);
  // By the base's variable it is another line for another base.
  if (where.startsWith('"')) return block(entry, where);
  const known = written.get(entry) ?? block(entry, where);
  written.set(entry, known);
  return known;
}

function block({ path, mode, uid, gid, text }: Entry, where: string): string {
  if (text.includes("\0")) throw new Error(`laying down ${path}: required: text; found: a NUL byte, which a shell cannot hold; leave it out`);
  const exact = text.endsWith("\n") ? "" : " exact";
  const mark = delimiter(text);
  return `put ${mode} ${uid}:${gid} ${where}${exact} <<'${mark}'\n${text}${exact === "" ? "" : "\n"}${mark}\n`;
}

/** For the entries that lie in the directory itself. */
function sums(directory: string, entries: readonly Entry[], base: Layout["base"]): string {
  const names = entries.flatMap(({ path }) => (path.startsWith(`${directory}/`) && !path.includes("/", directory.length + 1) ? [quoted(path.slice(directory.length + 1))] : []));
  return `sums ${base?.path === directory ? `"$${base.variable}"` : quoted(directory)} ${names.join(" ")}\n`;
}

/**
 * The document, for `sudo sh -eu` on its standard input. Its last line calls the function that all the rest defines, so that a
 * document cut off anywhere lays nothing down. It may run any number of times, and removes nothing.
 */
export function document({ title, directories = [], base, entries, summed = [], links = [] }: Layout): string {
  const body = [
    ...(base === undefined ? [] : [`${base.variable}=${quoted(base.path)}\n`]),
    ...directories.map(({ mode, path }) => `directory ${mode} ${quoted(path)}\n`),
    ...entries.map((entry) => put(entry, base)),
    ...summed.map((directory) => sums(directory, entries, base)),
    ...links.map(({ target, path }) => `first ${quoted(target)} ${quoted(path)}\n`),
    // A power cut after this leaves whole files behind, not empty ones.
    'sync -f "$root/"\n',
  ];
  // Added up and not joined: no copy is made, until it is sent, of the scripts' text, which is most of it and the same on every node.
  return `# ${title}\nlay_down() {\n${HELPERS}\n${body.reduce((text, part) => `${text}\n${part}`)}}\nlay_down\n`;
}
