import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readPngTexts } from "../run/png.js";
import { RUN_FILES } from "../run/run-folder.js";
import { html, type Markup } from "./markup.js";

/** Larger pictures are linked instead of put inside the page. */
const MOST_BYTES_INSIDE = 96 * 1024;

/** Pictures smaller than this are shown larger, with hard pixels. */
const SMALL_SIDE = 128;

interface DrawnPicture {
  readonly prompt: string;
  /** Height and width in pixels. */
  readonly size: readonly [number, number];
  /** What `src` says: the picture itself, or a path from the report. */
  readonly source: string;
}

interface DrawnStep {
  readonly step: number;
  readonly pictures: readonly DrawnPicture[];
}

/** Sample pictures over time: a row per prompt, a column per step at which they were drawn. */
export function sampleGrid(runDir: string): Markup | undefined {
  const steps = readSteps(runDir);
  if (steps.length === 0) return undefined;
  const prompts = [...new Set(steps.flatMap(({ pictures }) => pictures.map(({ prompt }) => prompt)))];
  return html`<div class="wide"><table class="samples">
<tr><th>prompt</th>${steps.map(({ step }) => html`<th>step ${step}</th>`)}</tr>
${prompts.map(
  (prompt) => html`<tr><th class="prompt">${prompt}</th>${steps.map(({ pictures }) => {
    const found = pictures.find((one) => one.prompt === prompt);
    return html`<td>${found && showPicture(found)}</td>`;
  })}</tr>
`,
)}</table></div>`;
}

function showPicture({ prompt, size: [height, width], source }: DrawnPicture): Markup {
  const factor = Math.max(1, Math.floor(SMALL_SIDE / Math.max(height, width)));
  const kind = factor > 1 ? "small" : "large";
  return html`<img class="${kind}" src="${source}" alt="${prompt}" width="${width * factor}" height="${height * factor}">`;
}

function readSteps(runDir: string): DrawnStep[] {
  const folder = join(runDir, RUN_FILES.samples);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name): DrawnStep[] => {
      const step = /^step-(\d+)$/.exec(name)?.[1];
      if (step === undefined) return [];
      const files = readdirSync(join(folder, name))
        .filter((file) => file.endsWith(".png"))
        .sort();
      return [{ step: Number(step), pictures: files.map((file) => readPicture(runDir, [name, file])) }];
    })
    .sort((a, b) => a.step - b.step);
}

function readPicture(runDir: string, names: readonly [step: string, file: string]): DrawnPicture {
  const path = join(runDir, RUN_FILES.samples, ...names);
  const bytes = readFileSync(path);
  const inside = statSync(path).size <= MOST_BYTES_INSIDE;
  return {
    prompt: readPngTexts(bytes).prompt ?? names[1],
    // Height and width stand in the header chunk, width first.
    size: [bytes.readUInt32BE(20), bytes.readUInt32BE(16)],
    source: inside
      ? `data:image/png;base64,${bytes.toString("base64")}`
      : [RUN_FILES.samples, ...names].map(encodeURIComponent).join("/"),
  };
}
