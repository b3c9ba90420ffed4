import type { Command } from "./command-arguments.js";
import { indexBaseCommand, indexMultiresoCommand, indexShowCommand } from "./index-commands.js";
import { packCommand } from "./pack/pack-command.js";

/** The commands that this package adds to `hyfw`. */
export const commands: readonly Command[] = [
  packCommand,
  indexBaseCommand,
  indexMultiresoCommand,
  indexShowCommand,
];
