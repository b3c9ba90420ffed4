import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../scripts/setup/paths.mjs";

const golden = join(root, "test", "golden", "model");
const NAME = "sampler_pipeline_e2e";

/** Folders below the root of a release, by the prefix of their tensors in the reference file. */
const PARTS = {
  bert: { folder: "t2i/clip_text_encoder", file: "model.safetensors" },
  mt5: { folder: "t2i/mt5", file: "model.safetensors" },
  vae: { folder: "t2i/sdxl-vae-fp16-fix", file: "diffusion_pytorch_model.safetensors" },
} as const;

/** Writes the small encoders and VAE of the reference pipeline as the official release has its own. */
export function makeRelease(folder: string): void {
  const facts = JSON.parse(readFileSync(join(golden, `${NAME}.json`), "utf8"));
  const bytes = readFileSync(join(golden, `${NAME}.safetensors`));
  for (const [part, { folder: inner, file }] of Object.entries(PARTS)) {
    const place = join(folder, inner);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "config.json"), JSON.stringify(facts[`${part}_config`]));
    writeFileSync(join(place, file), partOf(bytes, `${part}.`));
  }
  mkdirSync(join(folder, "t2i", "tokenizer"), { recursive: true });
  copyFileSync(join(golden, "tokenizer_bert", "vocab.txt"), join(folder, "t2i", "tokenizer", "vocab.txt"));
  for (const file of ["spiece.model", "tokenizer_config.json"])
    copyFileSync(join(golden, "tokenizer_mt5", file), join(folder, "t2i", "mt5", file));
}

interface Entry {
  data_offsets: [number, number];
}

/** A safetensors file of the tensors whose names begin so, without that beginning. */
function partOf(bytes: Buffer, prefix: string): Buffer {
  const length = Number(bytes.readBigUInt64LE(0));
  const header: Record<string, Entry> = JSON.parse(bytes.subarray(8, 8 + length).toString("utf8"));
  const own: Record<string, Entry> = {};
  const data: Buffer[] = [];
  let offset = 0;
  for (const [name, entry] of Object.entries(header)) {
    if (!name.startsWith(prefix)) continue;
    const [begin, end] = entry.data_offsets;
    data.push(bytes.subarray(8 + length + begin, 8 + length + end));
    own[name.slice(prefix.length)] = { ...entry, data_offsets: [offset, offset + end - begin] };
    offset += end - begin;
  }
  const json = Buffer.from(JSON.stringify(own).padEnd(Math.ceil(JSON.stringify(own).length / 8) * 8));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([start, json, ...data]);
}
