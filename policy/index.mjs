// Pulumi reads none of a policy pack's runtime options (no `nodeargs`), and loads it through its own ts-node, which refuses
// `.ts` import paths. So this is plain JavaScript, and brings tsx itself. No top-level await: Pulumi requires this module,
// and Node cannot require one that waits. A rejection reaches Pulumi's own handler.
import { register } from "tsx/esm/api";

register();
void import("./pack.ts");
