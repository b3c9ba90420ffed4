import type { Command } from "./command-arguments.js";
import { indexCheckCommand } from "./index-build/index-check.js";
import { indexBaseCommand, indexMultiresoCommand } from "./index-build/index-commands.js";
import { indexShowCommand } from "./index-build/index-show.js";
import { packCommand } from "./pack-command.js";

/** The commands that this package adds to `hyfw`. */
export const commands: readonly Command[] = [
  packCommand,
  indexBaseCommand,
  indexMultiresoCommand,
  indexShowCommand,
  indexCheckCommand,
];
