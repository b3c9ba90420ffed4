import { join } from "node:path";
import { type Command, parseArguments, required, whole } from "../command-arguments.js";
import { commandUsage } from "../errors.js";
import { packCsv } from "./csv-to-arrow.js";

const usage =
  "hyfw pack <csv> --out <folder> [--path-prefix OLD=NEW ...] [--rows-per-shard N] [--in-flight N] [--replace]";

/** `hyfw pack`: CSV and pictures to Arrow shards. */
export const packCommand: Command = {
  name: "pack",
  summary: "Packs a CSV and its pictures into Arrow shards, checking every picture.",
  usage,
  run: async (args, { stdout, stderr }) => {
    const parsed = parseArguments(
      args,
      {
        "--out": "one",
        "--path-prefix": "one",
        "--rows-per-shard": "one",
        "--in-flight": "one",
        "--replace": "none",
      },
      usage,
    );
    const [csv, more] = parsed.plain;
    if (csv === undefined || more !== undefined) throw commandUsage("name exactly one CSV file", usage);
    const out = required(parsed, "--out", usage);
    const started = performance.now();
    const report = await packCsv({
      csv,
      out,
      rowsPerShard: whole(parsed, "--rows-per-shard", { least: 1, usage }),
      inFlight: whole(parsed, "--in-flight", { least: 1, usage }),
      replace: parsed.flags.has("--replace"),
      pathPrefixes: (parsed.flags.get("--path-prefix") ?? []).map(prefixOf),
      onRow: (rows) => {
        if (rows % 1000 === 0) stderr.write(`${rows} rows\n`);
      },
    });
    const seconds = (performance.now() - started) / 1000;
    stdout.write(
      `${csv}: ${report.rows} rows = ${report.kept} packed into ${report.shards.length} shard(s) in ${out} + ${report.refused.length} refused, ${seconds.toFixed(1)} s\n`,
    );
    for (const [reason, count] of Object.entries(report.refusedByReason))
      stdout.write(`  ${String(count).padStart(6)}  ${reason}\n`);
    if (report.refused.length > 0) stdout.write(`  listed in ${join(out, "refused.jsonl")}\n`);
    return 0;
  },
};

function prefixOf(value: string): readonly [string, string] {
  const at = value.indexOf("=");
  if (at < 1) throw commandUsage(`--path-prefix needs OLD=NEW, found ${JSON.stringify(value)}`, usage);
  return [value.slice(0, at), value.slice(at + 1)];
}
