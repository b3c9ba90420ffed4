import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { stringify } from "yaml";
import { writeDurably } from "../checkpoint/durable-file.js";
import { readMetrics } from "../run/metrics.js";
import { readPngTexts } from "../run/png.js";
import { RUN_FILES } from "../run/run-folder.js";
import type { RunRecord } from "../run/run-record.js";
import { valueAt } from "../settings/path.js";

/** What holds for weights that go back to published ones. */
const LICENSE_NOTICE =
  "These weights go back to published HunyuanDiT weights, which are under the Tencent Hunyuan Community License.";

/** Sample pictures that a card shows at most. */
const MOST_PICTURES = 8;

/** Writes the run's model card: `README.md` as Hugging Face reads it, with the last sample pictures. */
export function writeModelCard(runDir: string, record: RunRecord): void {
  writeDurably(join(runDir, RUN_FILES.card), formatModelCard(runDir, record));
}

/** What a saved file has to say of the terms of the weights that a run began with; undefined for none of published size. */
export function licenseNotice(settings: RunRecord["settings"]): string | undefined {
  const size = valueAt(settings, ["plugins", "model-hunyuan-dit", "model"]) ?? "DiT-g/2";
  const isHunyuan = valueAt(settings, ["plugins", "model-hunyuan-dit"]) !== undefined;
  return startOf(settings) !== undefined && isHunyuan && size !== "custom" ? LICENSE_NOTICE : undefined;
}

function startOf(settings: RunRecord["settings"]): string | undefined {
  const file = valueAt(settings, ["weights", "model"]);
  return typeof file === "string" ? file : undefined;
}

function formatModelCard(runDir: string, record: RunRecord): string {
  const { name, settings, model, step, data } = record;
  const start = startOf(settings);
  const notice = licenseNotice(settings);
  const isAdapter = valueAt(settings, ["plugins", "adapter-lora"]) !== undefined;
  const pictures = lastPictures(runDir);
  const front = {
    library_name: "hyfw",
    pipeline_tag: "text-to-image",
    language: ["zh", "en"],
    tags: ["hyfw", "text-to-image", "diffusion", ...(isAdapter ? ["lora"] : [])],
    ...(notice !== undefined && { license: "other", license_name: "tencent-hunyuan-community" }),
    ...(pictures.length > 0 && {
      widget: pictures.map(({ prompt, path }) => ({ text: prompt, output: { url: path } })),
    }),
  };
  const last = readMetrics(runDir).at(-1);
  const fact = (path: readonly string[]): string => shown(valueAt(settings, path));
  const rows: [string, string][] = [
    ["steps", String(step)],
    ["samples seen", String(last?.samples ?? 0)],
    ["learning rate", fact(["train", "lr"])],
    ["batch size per process", fact(["train", "batchSize"])],
    ["seed", fact(["run", "seed"])],
    ["loss at the end", last === undefined ? "" : last.loss.toPrecision(4)],
    ...data.map(({ phase, length, fingerprint }): [string, string] => [
      `data of phase ${phase}`,
      `${length} rows, fingerprint ${fingerprint}`,
    ]),
    ...Object.entries(model),
    ["settings hash", record.settingsHash],
    ...Object.entries(record.versions),
  ];
  return `---
${stringify(front)}---

# ${name}

${isAdapter ? "A LoRA" : "A text-to-image model"} trained with hyfw${start === undefined ? " from scratch" : `, starting from \`${basename(start)}\``}.${notice === undefined ? "" : ` ${notice}`}

${pictures.map(({ prompt, path }) => `![${prompt.replace(/[[\]]/g, "")}](${path})`).join("\n")}

## Use

\`\`\`
npx hyfw sample --run . --prompt "${(pictures[0]?.prompt ?? "一只猫").replaceAll('"', "'")}"
npx hyfw inspect checkpoints/${newestCheckpoint(runDir) ?? "latest"}
npx hyfw convert checkpoints/${newestCheckpoint(runDir) ?? "latest"} model.safetensors --to ${isAdapter ? "kohya" : "diffusers"}
\`\`\`

## Training

| what | value |
|---|---|
${rows.map(([what, value]) => `| ${cell(what)} | ${cell(value)} |`).join("\n")}

All settings are in \`settings.json\`; \`npx hyfw --preset settings.json\` starts the same run.
`;
}

/** The pictures of the last step that drew any, as paths from the card. */
function lastPictures(runDir: string): { prompt: string; path: string }[] {
  const folder = join(runDir, RUN_FILES.samples);
  if (!existsSync(folder)) return [];
  const steps = readdirSync(folder).filter((one) => /^step-\d+$/.test(one));
  const newest = steps.sort().at(-1);
  if (newest === undefined) return [];
  return readdirSync(join(folder, newest))
    .filter((file) => file.endsWith(".png") && file !== "grid.png")
    .sort()
    .slice(0, MOST_PICTURES)
    .map((file) => ({
      prompt: readPngTexts(readFileSync(join(folder, newest, file))).prompt ?? "",
      path: `${RUN_FILES.samples}/${newest}/${encodeURIComponent(file)}`,
    }));
}

function newestCheckpoint(runDir: string): string | undefined {
  const folder = join(runDir, RUN_FILES.checkpoints);
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .filter((one) => /^step-\d+$/.test(one))
    .sort()
    .at(-1);
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function shown(value: unknown): string {
  return typeof value === "string" || typeof value === "number"
    ? String(value)
    : JSON.stringify(value ?? null);
}
