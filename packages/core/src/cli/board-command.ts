import { once } from "node:events";
import { join, resolve } from "node:path";
import { z } from "zod";
import { boardPort } from "../errors/plan.js";
import { type Command, defineCommand } from "./command.js";
import { RESULTS_DIR } from "./run-settings.js";

const Options = z.strictObject({
  resultsDir: z
    .string()
    .default(RESULTS_DIR)
    .describe("Folder that holds run folders.")
    .meta({ flag: "--results-dir" }),
  port: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(6060)
    .describe("Port of this machine that the page is at; 0 takes any that is free.")
    .meta({ flag: "--port" }),
});

/** `hyfw board`: a page on this machine with the curves, pictures, data and plans of runs, live. */
export function boardCommand(): Command {
  return defineCommand({
    name: "board",
    summary: "Shows runs in a browser, live: curves, pictures, comparison, data, plan.",
    usage: "hyfw board [RUN...] [--port N] [--results-dir DIR]",
    options: Options,
    positionals: [
      {
        name: "RUN",
        description:
          "Run to show: its folder, its name, or latest; all of the results folder when none is named.",
        isMany: true,
      },
    ],
    run: async ({ options, positionals }, io) => {
      const resultsDir = resolve(io.cwd, options.resultsDir);
      const { findRun, listRuns } = await import("../checkpoint/find.js");
      const places = { cwd: io.cwd, resultsDir };
      const named = await Promise.all(positionals.map((text) => findRun(text, places)));
      const folders = async (): Promise<string[]> =>
        named.length > 0 ? named : (await listRuns(resultsDir)).map((name) => join(resultsDir, name));
      const { boardServer } = await import("../board/board-server.js");
      const server = boardServer(folders);
      // Only for this machine: a run's prompts and settings are nobody else's business.
      server.listen(options.port, "127.0.0.1");
      try {
        await once(server, "listening");
      } catch (cause) {
        throw boardPort(options.port, cause);
      }
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : options.port;
      io.stdout.write(
        `http://127.0.0.1:${port}/  shows ${(await folders()).length} run(s); Ctrl-C ends it\n`,
      );
      if (!io.signal.aborted) await once(io.signal, "abort");
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  });
}
