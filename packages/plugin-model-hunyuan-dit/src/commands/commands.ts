import type { Command } from "@hyfw/core";
import { convertCommand } from "./convert-command.js";
import { extractCommand } from "./extract-command.js";
import { inspectCommand } from "./inspect-command.js";
import { mergeCommand } from "./merge-command.js";

/** Commands that this plugin brings: about files of weights. */
export const commands: readonly Command[] = [convertCommand, inspectCommand, mergeCommand, extractCommand];
