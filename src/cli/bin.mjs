#!/usr/bin/env node
// Runs the TypeScript as it is: tsx first, then the program.
import { register } from "tsx/esm/api";

register();
const { main } = await import("./main.ts");
process.exitCode = await main(process.argv.slice(2));
