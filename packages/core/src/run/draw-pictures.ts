import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DrawRequest, Model } from "../hooks/model.js";
import type { Ema } from "./ema.js";
import type { Executor } from "./executor.js";
import { encodePng } from "./png.js";

/** What pictures are drawn with. */
export interface Drawer {
  readonly model: Model;
  readonly executor: Executor;
  /** Drawn from when there is one. */
  readonly ema: Ema | undefined;
}

/** Where pictures go and what stands inside them beside their prompt. */
export interface PicturePlace {
  /** Absent where this process only takes part in drawing. */
  readonly folder: string | undefined;
  readonly facts: Readonly<Record<string, string>>;
}

/**
 * Draws one picture per prompt and writes them as PNG files with prompt, seed and settings inside.
 * @returns their paths, in the order of the prompts
 */
export async function drawPictures(
  { model, executor, ema }: Drawer,
  request: DrawRequest,
  { folder, facts }: PicturePlace,
): Promise<string[]> {
  const draw = () => model.draw(request, executor.infer);
  const drawn = await (ema === undefined ? draw() : ema.inFront(draw));
  const [count = 0, height = 0, width = 0] = drawn.shape;
  const pixels = drawn.toTypedArray();
  drawn.dispose();
  if (folder === undefined) return [];
  await mkdir(folder, { recursive: true });
  const bytes = height * width * 3;
  const files: string[] = [];
  for (let n = 0; n < count; n++) {
    const picture = {
      height,
      width,
      pixels: new Uint8Array(pixels.buffer, pixels.byteOffset + n * bytes, bytes),
    };
    const prompt = request.prompts[n] ?? "";
    const { solver, steps, cfgScale, seed, negative } = request;
    const texts = { prompt, negative, seed, solver, steps, cfgScale, ...facts, software: "hyfw" };
    const path = join(folder, `${String(n + 1).padStart(2, "0")}-${slug(prompt)}.png`);
    await writeFile(path, encodePng(picture, mapValues(texts)));
    files.push(path);
  }
  return files;
}

/** The letters of a prompt that fit into a file name. */
function slug(prompt: string): string {
  const words = prompt.normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, "-");
  return [...words.replace(/^-|-$/g, "")].slice(0, 24).join("").replace(/-$/, "") || "picture";
}

function mapValues(texts: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, String(text)]));
}
