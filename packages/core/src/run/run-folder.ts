import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Files and folders of a run, by what is in them. */
export const RUN_FILES = {
  record: "run.json",
  /** The resolved settings in the form of a preset, so that `hyfw --preset RUN/settings.json` starts the same run. */
  settings: "settings.json",
  metrics: "metrics.jsonl",
  /** What each step was trained on, as digests. */
  ledger: "ledger.jsonl",
  samples: "samples",
  checkpoints: "checkpoints",
  report: "report.html",
  /** A model card in Hugging Face's form. */
  card: "README.md",
} as const;

/** Makes the next run folder, as in `runs/003-name`: one number above the highest. @returns its absolute path */
export async function createRunFolder(resultsDir: string, name: string): Promise<string> {
  await mkdir(resultsDir, { recursive: true });
  for (;;) {
    const numbers = (await readdir(resultsDir))
      .map((one) => Number.parseInt(one, 10))
      .filter(Number.isInteger);
    const number = String(Math.max(0, ...numbers) + 1).padStart(3, "0");
    const path = join(resultsDir, `${number}-${name}`);
    try {
      await mkdir(path);
      return path;
    } catch (fault) {
      // Another run took the number between looking and making.
      if (!(fault instanceof Error) || !("code" in fault) || fault.code !== "EEXIST") throw fault;
    }
  }
}
