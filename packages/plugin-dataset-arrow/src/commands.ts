import type { Command as CoreCommand } from "@hyfw/core";
import type { Command } from "./command-arguments.js";
import { indexCheckCommand } from "./index-build/index-check.js";
import { indexBaseCommand, indexMultiresoCommand } from "./index-build/index-commands.js";
import { indexShowCommand } from "./index-build/index-show.js";
import { packCommand, packMergeCommand } from "./pack/pack-command.js";

/** The commands that make indexes and look into them. */
export const indexCommands: readonly Command[] = [
  indexBaseCommand,
  indexMultiresoCommand,
  indexShowCommand,
  indexCheckCommand,
];

/** The commands that this package adds to `hyfw`. */
export const commands: readonly (Command | CoreCommand)[] = [packCommand, packMergeCommand, ...indexCommands];
