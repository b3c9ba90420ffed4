import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Tensor } from "@hyfw/native";
import type { DrawRequest, Model } from "../hooks/model.js";
import type { Executor } from "./executor.js";
import { pictureGrid } from "./picture-grid.js";
import { encodePng, type Picture } from "./png.js";
import type { WeightAverage } from "./weight-average.js";

/** What pictures are drawn with. */
export interface Drawer {
  readonly model: Model;
  readonly executor: Executor;
  /** Drawn from when there is one. */
  readonly ema: WeightAverage | undefined;
}

/** Where pictures go, what stands inside them beside their prompt, and how many are drawn at once. */
export interface PicturePlace {
  /** Absent where this process only takes part in drawing. */
  readonly folder: string | undefined;
  readonly facts: Readonly<Record<string, string>>;
  readonly batchSize: number;
  /** Columns of a picture of all pictures, written beside them as `grid.png`; none when left out. */
  readonly gridColumns?: number;
}

/**
 * Draws one picture per prompt and writes them as PNG files with prompt, seed and settings inside. A picture depends on
 * its place in the list of prompts, not on how many are drawn at once.
 * @returns their paths, in the order of the prompts
 */
export async function drawPictures(
  { model, executor, ema }: Drawer,
  request: DrawRequest,
  { folder, facts, batchSize, gridColumns }: PicturePlace,
): Promise<string[]> {
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const files: string[] = [];
  const all: Picture[] = [];
  const drawAll = async (): Promise<void> => {
    for (let first = 0; first < request.prompts.length; first += batchSize) {
      const prompts = request.prompts.slice(first, first + batchSize);
      const drawn = await model.draw({ ...request, prompts, first }, executor.infer);
      const pictures = toPictures(drawn);
      drawn.dispose();
      if (folder === undefined) continue;
      for (const [n, picture] of pictures.entries()) {
        const prompt = prompts[n] ?? "";
        const number = first + n;
        const path = join(folder, `${String(number + 1).padStart(2, "0")}-${slug(prompt)}.png`);
        const texts = { prompt, ...settingsOf(request), picture: number + 1, ...facts, software: "hyfw" };
        await writeFile(path, encodePng(picture, mapValues(texts)));
        files.push(path);
        if (gridColumns !== undefined) all.push({ ...picture, pixels: picture.pixels.slice() });
      }
    }
  };
  await (ema === undefined ? drawAll() : ema.inFront(drawAll));
  if (folder === undefined || gridColumns === undefined) return files;
  const grid = join(folder, "grid.png");
  const texts = { prompts: request.prompts.join("\n"), ...settingsOf(request), ...facts, software: "hyfw" };
  await writeFile(grid, encodePng(pictureGrid(all, gridColumns), mapValues(texts)));
  return [...files, grid];
}

function settingsOf(request: DrawRequest): Record<string, string | number> {
  const { solver, steps, cfgScale, guidanceRescale = 0, seed, negative } = request;
  return { negative, seed, solver, steps, cfgScale, ...(guidanceRescale > 0 && { guidanceRescale }) };
}

/** @param drawn uint8 [n, H, W, 3] */
function toPictures(drawn: Tensor): { height: number; width: number; pixels: Uint8Array }[] {
  const [count = 0, height = 0, width = 0] = drawn.shape;
  const pixels = drawn.toTypedArray();
  const bytes = height * width * 3;
  return Array.from({ length: count }, (_, n) => ({
    height,
    width,
    pixels: new Uint8Array(pixels.buffer, pixels.byteOffset + n * bytes, bytes),
  }));
}

/** The letters of a prompt that fit into a file name. */
function slug(prompt: string): string {
  const words = prompt.normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, "-");
  return [...words.replace(/^-|-$/g, "")].slice(0, 24).join("").replace(/-$/, "") || "picture";
}

function mapValues(texts: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, String(text)]));
}
