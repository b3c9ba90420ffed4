import { join } from "node:path";
import { writeDurably } from "../checkpoint/durable-file.js";
import { RUN_FILES } from "../run/run-folder.js";
import type { RunRecord } from "../run/run-record.js";

/** Writes `report.html` of a run from what its folder holds. @returns the file's path */
export function writeReport(runDir: string, record: RunRecord): string {
  const path = join(runDir, RUN_FILES.report);
  writeDurably(path, `<!doctype html><title>${record.name}</title>`);
  return path;
}
