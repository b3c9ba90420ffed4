import { type CommandIo, defineCommand, type WeightFile, z } from "@hyfw/core";
import { stateKeys } from "@hyfw/core/weights";
import { weightsMisfit } from "../errors.js";
import { asOfficial, layoutOf } from "../layouts/layout.js";
import { isLora, readLora } from "../layouts/lora-file.js";
import { compareWithNetwork, recognise } from "../layouts/recognise.js";
import { describe } from "./convert-command.js";
import { findWeights } from "./find-weights.js";

const Options = z.strictObject({
  state: z
    .string()
    .default("auto")
    .describe("Which state of a file that holds several: module, ema, or auto for the first there is.")
    .meta({ flag: "--state" }),
  tensors: z
    .boolean()
    .default(false)
    .describe("Lists every tensor with its type and shape.")
    .meta({ flag: "--tensors" }),
  json: z.boolean().default(false).describe("Prints JSON.").meta({ flag: "--json" }),
});

/** What a file of weights holds, without loading it. */
export const inspectCommand = defineCommand({
  name: "inspect",
  summary: "Says what a file of weights holds: model, version, element types, step, settings.",
  usage: "hyfw inspect FILE [--state ema] [--tensors] [--json]",
  options: Options,
  positionals: [{ name: "FILE", description: "File, folder, checkpoint or run to read.", isRequired: true }],
  run: ({ options, positionals: [text = ""] }, io) => {
    const file = findWeights(text, io.cwd, options.state);
    const report = reportOf(file, options.state);
    if (options.json) io.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    else print(report, io);
    if (options.tensors && !options.json)
      for (const name of file.names()) {
        const { dtype, shape } = file.entry(name);
        io.stdout.write(`  ${name}  ${dtype} [${shape.join(", ")}]\n`);
      }
  },
});

interface Report {
  readonly file: string;
  readonly layout: string;
  readonly what: string;
  readonly tensors: number;
  readonly bytes: number;
  readonly types: string;
  readonly facts: Readonly<Record<string, string>>;
  /** What does not fit the model that the weights were recognised as. */
  readonly faults: readonly string[];
}

function reportOf(file: WeightFile, state: string): Report {
  const names = file.names();
  const types = new Map<string, number>();
  let bytes = 0;
  for (const name of names) {
    const { dtype, shape } = file.entry(name);
    types.set(dtype, (types.get(dtype) ?? 0) + 1);
    bytes += shape.reduce((product, size) => product * size, WIDTHS[dtype] ?? 4);
  }
  const states = stateKeys(file);
  return {
    file: file.path,
    layout: states.length > 1 ? `${file.layout}, state ${state} of ${states.join(", ")}` : file.layout,
    ...recognised(file),
    tensors: names.length,
    bytes,
    types: [...types].map(([dtype, count]) => `${dtype} x${count}`).join(", "),
    facts: file.metadata,
  };
}

const WIDTHS: Readonly<Record<string, number>> = {
  float64: 8,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  uint8: 1,
  int8: 1,
  bool: 1,
};

function recognised(file: WeightFile): { what: string; faults: string[] } {
  const names = file.names();
  if (isLora(names)) {
    const { modules, layout } = readLora(file);
    const ranks = [...new Set([...modules.values()].map(({ down }) => down.shape[0]))];
    const alphas = [...new Set([...modules.values()].map(({ alpha }) => alpha))];
    return {
      what: `LoRA of ${modules.size} layers in ${layout} names, rank ${ranks.join(", ")}, alpha ${alphas.join(", ")}`,
      faults: [],
    };
  }
  if (layoutOf(names) === undefined)
    return { what: "not a transformer of HunyuanDiT under names that are known", faults: [] };
  const official = asOfficial(file);
  const facts = recognise(official);
  const faults = compareWithNetwork(official, facts.shape);
  const count = faults.missing.length + faults.unexpected.length + faults.misshapen.length;
  return {
    what: describe(facts),
    faults: count === 0 ? [] : weightsMisfit(file.path, faults).message.split("\n").slice(1),
  };
}

function print(report: Report, io: CommandIo): void {
  const rows: [string, string][] = [
    ["file", report.file],
    ["layout", report.layout],
    ["holds", report.what],
    ["tensors", `${report.tensors}, ${(report.bytes / 2 ** 20).toFixed(1)} MiB, ${report.types}`],
    ...Object.entries(report.facts).map(([key, value]): [string, string] => [
      key,
      value.length > 160 ? `${value.slice(0, 157)}...` : value,
    ]),
  ];
  const width = rows.reduce((most, [label]) => Math.max(most, label.length), 0);
  for (const [label, value] of rows) io.stdout.write(`${label.padEnd(width)}  ${value}\n`);
  for (const line of report.faults) io.stdout.write(`${line}\n`);
}
