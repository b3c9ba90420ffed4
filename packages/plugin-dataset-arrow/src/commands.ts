import type { Command as CoreCommand } from "@hyfw/core";
import type { Command } from "./command-arguments.js";
import { indexBaseCommand, indexMultiresoCommand, indexShowCommand } from "./index-commands.js";
import { packCommand, packMergeCommand } from "./pack/pack-command.js";

/** The commands that this package adds to `hyfw`. */
export const commands: readonly (Command | CoreCommand)[] = [
  packCommand,
  packMergeCommand,
  indexBaseCommand,
  indexMultiresoCommand,
  indexShowCommand,
];
