import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { checkpointBroken } from "../errors/checkpoint.js";
import { writeDurably } from "./durable-file.js";

/** Name of the file that makes a folder a checkpoint; written last. */
export const MANIFEST = "manifest.json";

const ManifestSchema = z.object({
  format: z.literal("hyfw-checkpoint-1"),
  step: z.number().int().min(0),
  /** `kept` ones stay until newer kept ones push them out; `latest` ones until the next checkpoint. */
  kind: z.enum(["kept", "latest"]),
  files: z.array(z.object({ name: z.string(), bytes: z.number().int(), sha256: z.string() })),
});

/** What a checkpoint holds: each file with its size and SHA-256. */
export type Manifest = z.output<typeof ManifestSchema>;

/** Writes the manifest; the last thing that is written into a checkpoint's folder. */
export function writeManifest(
  folder: string,
  facts: Pick<Manifest, "step" | "kind">,
  files: Manifest["files"],
): void {
  const manifest: Manifest = { format: "hyfw-checkpoint-1", ...facts, files };
  writeDurably(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Reads a manifest without looking at the files. @throws HYFW_CHECKPOINT_BROKEN */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw checkpointBroken(folder, `it has no ${MANIFEST}, so it was never finished`, cause);
  }
  try {
    return ManifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw checkpointBroken(folder, `its ${MANIFEST} cannot be read`, cause);
  }
}

/** Reads a manifest and compares every file with it. @throws HYFW_CHECKPOINT_BROKEN naming the file */
export async function verifyManifest(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder);
  for (const { name, bytes, sha256 } of manifest.files) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw checkpointBroken(folder, `${name} is missing`);
    if (found.size !== bytes)
      throw checkpointBroken(folder, `${name} has ${found.size} bytes, its manifest says ${bytes}`);
    if ((await hashOf(path)) !== sha256)
      throw checkpointBroken(folder, `the content of ${name} is not what was saved (SHA-256 differs)`);
  }
  return manifest;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return hash.digest("hex");
}
