import type { Command } from "@hyfw/core";
import { convertCommand } from "./convert-command.js";
import { inspectCommand } from "./inspect-command.js";

/** Commands that this plugin brings: about files of weights. */
export const commands: readonly Command[] = [convertCommand, inspectCommand];
