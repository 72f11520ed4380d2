#!/usr/bin/env node
// Runs the TypeScript as it is: tsx first, then the program.
import { register } from "tsx/esm/api";

register();
// Who reads a pipe may have enough: `berth logs | head`. 141, as of a program that SIGPIPE ended.
process.stdout.on("error", (error) => {
  if (error.code === "EPIPE") process.exit(141);
  throw error;
});
const { main } = await import("./main.ts");
process.exitCode = await main(process.argv.slice(2));
