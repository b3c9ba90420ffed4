// @ts-check
// `hyfw doctor [--json]`: what this machine has for training and the command for what it lacks. Runs before set-up.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { doctor } from "./setup/doctor.mjs";

export { doctor };

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = await doctor(process.argv.slice(2));
