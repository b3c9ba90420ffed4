import { resolve } from "node:path";
import { z } from "zod";
import { findCheckpoint } from "../checkpoint/find.js";
import { readState } from "../checkpoint/state.js";
import { openRun } from "../run/container.js";
import { listOptions } from "../settings/options.js";
import { type Command, throwUsage } from "./command.js";
import { flagTable, isFlag, parseArguments } from "./flags.js";
import { formatFlags } from "./help.js";
import { withRunSettings } from "./run-settings.js";
import { finish, type Installation, loadFrom, readSources } from "./settings-arguments.js";
import { trainCommand } from "./train-command.js";

const USAGE = "hyfw resume [RUN] [--verify] [--verify-steps N] [flags of hyfw train]";

/** Flags of `hyfw resume` beside those of `hyfw train`. */
export const ResumeOptions = z.strictObject({
  verify: z
    .boolean()
    .default(false)
    .describe("Compares the samples of recorded steps with what they would be now, and does not train.")
    .meta({ flag: "--verify" }),
  steps: z
    .number()
    .int()
    .min(1)
    .default(20)
    .describe("Steps that --verify compares at most.")
    .meta({ flag: "--verify-steps" }),
});

/** `hyfw resume`: goes on with a run, or looks whether it would go on as it was. */
export function resumeCommand(installation: Installation): Command {
  return {
    name: "resume",
    summary: "Goes on with a run; --verify only looks whether its data is still the same.",
    usage: USAGE,
    help: () => formatFlags(listOptions(ResumeOptions)),
    run: async (argv, io) => {
      const { given, rest, problems } = parseArguments(argv, flagTable(listOptions(ResumeOptions)));
      throwUsage(problems);
      const values = Object.fromEntries(given.map(({ spec, value }) => [spec.option.path.join("."), value]));
      const { verify, steps } = ResumeOptions.parse(values);
      const [first = "latest"] = rest;
      const isNamed = rest.length > 0 && !isFlag(first);
      const text = isNamed ? first : "latest";
      const words = ["--resume", text, ...(isNamed ? rest.slice(1) : rest)];
      if (!verify) return trainCommand(installation).run(words, io);
      const { sources } = await withRunSettings(readSources(words), io);
      const resolved = finish(await loadFrom(sources, io, installation), sources.rest, USAGE);
      const { resultsDir } = resolved.settings.run;
      const found = await findCheckpoint(text, { resultsDir: resolve(io.cwd, resultsDir), cwd: io.cwd });
      const { unitSize } = await readState(found.path);
      const { verifyRecord } = await import("../run/verify-record.js");
      const run = await openRun(resolved);
      try {
        const said = await verifyRecord(run, found, { unitSize, most: steps });
        io.stdout.write(`${said}\n`);
      } finally {
        await run.close();
      }
      return undefined;
    },
  };
}
