/** What `ssh2` gives as `utils`, less the rest: the file it stands in. */
declare module "ssh2/lib/protocol/keyParser.js" {
  import type { utils } from "ssh2";

  const keyParser: Pick<typeof utils, "parseKey">;
  export default keyParser;
}
