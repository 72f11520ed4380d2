/**
 * References to container images, as Docker's distribution project writes them:
 * `[HOST[:PORT]/]PATH[:TAG][@ALGORITHM:HEX]`.
 */

export interface ImageReference {
  /** Registry host with its port; `docker.io` where the reference names none. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
/** The repository path alone may have 255 characters; Docker refuses a longer one. */
const MAX_PATH = 255;

/** Read a reference; undefined when it is none. */
export function parseImage(text: string): ImageReference | undefined {
  const [beforeDigest = "", digest, ...more] = text.split("@");
  if (more.length > 0 || (digest !== undefined && !digestPattern.test(digest))) return undefined;

  const { host, rest } = splitHost(beforeDigest);
  const colon = rest.indexOf(":");
  const repository = colon === -1 ? rest : rest.slice(0, colon);
  const tag = colon === -1 ? undefined : rest.slice(colon + 1);
  if (!pathPattern.test(repository) || repository.length > MAX_PATH) return undefined;
  if (tag !== undefined && !tagPattern.test(tag)) return undefined;
  if (host !== undefined && !hostPattern.test(host)) return undefined;
  return {
    registry: canonicalRegistry(host ?? "docker.io"),
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** A first component is a host when it could not be part of a path: it has a dot, a port, capitals, or is `localhost`. */
function splitHost(name: string): { host?: string; rest: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isHost = first === "localhost" || /[.:A-Z[]/.test(first);
  return isHost ? { host: first, rest: name.slice(slash + 1) } : { rest: name };
}

/** Docker Hub answers to three names. */
export function canonicalRegistry(host: string): string {
  return host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
}

/**
 * Whether the reference names one version: a digest, or a tag with a version number or a commit in it.
 * `latest`, `stable`, `bookworm` and the like mean something else tomorrow.
 */
export function isVersioned(image: ImageReference): boolean {
  if (image.digest !== undefined) return true;
  if (image.tag === undefined || /^latest(?:$|[._-])/i.test(image.tag)) return false;
  // Not after a dot: `alpine3.20` is the name of a base, which floats, and no version of the image.
  const namesVersion = /(?:^|[_-])(?:v|r|rev|build)?\d/i.test(image.tag);
  const namesCommit = /(?:^|[._-])(?=[a-f]*\d)[0-9a-f]{7,64}(?:$|[._-])/i.test(image.tag);
  return namesVersion || namesCommit;
}

/** The major version that a tag such as `17.6`, `v8` or `8.0.5-alpine` begins with. */
export function imageMajor(image: ImageReference): number | undefined {
  const major = /^v?(\d{1,3})(?:$|[.-])/.exec(image.tag ?? "")?.[1];
  return major === undefined ? undefined : Number(major);
}
