import { createHash, type Hash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  cat,
  type DeviceName,
  type DType,
  dtypeBytes,
  fromTypedArray,
  type Tensor,
  tidy,
} from "@hyfw/native";
import { z } from "zod";
import { cacheWrite } from "../errors/cache.js";
import type { CacheCounts } from "../hooks/encoder-cache.js";

/** Goes into every key: raise it when what is kept, or how it is computed, changes. */
const VERSION = 1;
const MAGIC = "HYC1";
const START = 8;

const Head = z.strictObject({
  dtype: z.enum(["float32", "float16", "bfloat16"]),
  shape: z.array(z.number().int().positive()),
  sha256: z.string(),
});
type Head = z.output<typeof Head>;

/** What the rows of one call have in common. */
export interface RowsFacts {
  /** Of one row. */
  readonly shape: readonly number[];
  readonly device: DeviceName;
  /** What a row is computed from, one list of bytes for each row: with the cache's facts its key. */
  readonly contents: readonly (readonly Uint8Array[])[];
  /** Computes one row, float32 [1, ...shape]. */
  make(row: number): Tensor;
}

/**
 * Float32 arrays on disk, each under the hash of everything that it was computed from. So an entry is never stale: a
 * changed setting, weight, picture or word is another key. Any number of processes may use one folder: an entry gets
 * its name when it is whole. One that is damaged is counted and made again.
 */
export class TensorCache {
  #found = 0;
  #made = 0;
  #broken = 0;
  #start: Hash | undefined;

  /**
   * @param facts everything beside a row's own content that decides its numbers: hash of the weights, settings, type;
   *   asked once, when the first row is
   * @param dtype what is written when it holds the numbers exactly; float32 otherwise
   */
  constructor(
    readonly folder: string,
    private readonly facts: () => Readonly<Record<string, string | number | boolean | null>>,
    private readonly dtype: DType,
  ) {}

  /** Rows in order, float32 [n, ...shape], in the current scope: those that are there, and the others made and kept. */
  rows({ shape, device, contents, make }: RowsFacts): Tensor {
    return tidy(() => {
      const rows = contents.map((content, row) => {
        const path = this.#pathOf(content, { shape, device });
        const kept = this.#read(path, shape);
        if (kept !== undefined) {
          this.#found++;
          return kept.to({ dtype: "float32", device });
        }
        const made = make(row);
        this.#made++;
        this.#write(path, made, shape);
        return made;
      });
      return cat(rows, 0);
    });
  }

  counts(): CacheCounts {
    return { found: this.#found, made: this.#made, broken: this.#broken };
  }

  /** Bytes of an entry of this shape. */
  bytes(shape: readonly number[]): number {
    const head: Head = { dtype: "float32", shape: [...shape], sha256: "0".repeat(64) };
    return START + JSON.stringify(head).length + elements(shape) * dtypeBytes(this.dtype);
  }

  #pathOf(
    content: readonly Uint8Array[],
    { shape, device }: { shape: readonly number[]; device: DeviceName },
  ): string {
    this.#start ??= createHash("sha256").update(
      JSON.stringify([VERSION, Object.entries(this.facts()).sort()]),
    );
    // Devices of one kind give the same numbers, the CPU and GPUs do not.
    const hash = this.#start.copy().update(JSON.stringify([shape, device.split(":")[0]]));
    for (const part of content) hash.update(`${part.byteLength};`).update(part);
    const key = hash.digest("hex");
    return join(this.folder, key.slice(0, 2), key.slice(2, 4), `${key}.tensor`);
  }

  #read(path: string, shape: readonly number[]): Tensor | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch {
      return undefined; // not there yet
    }
    const tensor = parse(bytes, shape);
    if (tensor === undefined) this.#broken++;
    return tensor;
  }

  #write(path: string, made: Tensor, shape: readonly number[]): void {
    const partial = `${path}.${process.pid}.partial`;
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(
        partial,
        tidy(() => format(narrowed(made.to({ device: "cpu" }), this.dtype), shape)),
      );
      renameSync(partial, path);
    } catch (cause) {
      throw cacheWrite(this.folder, cause);
    }
  }
}

/** The tensor in the smaller type when that holds the same numbers. */
function narrowed(tensor: Tensor, dtype: DType): Tensor {
  if (dtype === tensor.dtype) return tensor;
  const small = tensor.to({ dtype });
  return small.to({ dtype: tensor.dtype }).eq(tensor).all().item() === 1 ? small : tensor;
}

function format(tensor: Tensor, shape: readonly number[]): Buffer {
  const words = tensor.contiguous().toTypedArray();
  const data = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
  const head = Head.parse({ dtype: tensor.dtype, shape: [...shape], sha256: hashOf(data) } satisfies {
    [Key in keyof Head]: unknown;
  });
  const text = Buffer.from(JSON.stringify(head));
  const start = Buffer.alloc(START);
  start.write(MAGIC, "latin1");
  start.writeUInt32LE(text.length, MAGIC.length);
  return Buffer.concat([start, text, data]);
}

/** [1, ...shape]; undefined when anything is not as it was written. */
function parse(bytes: Buffer, shape: readonly number[]): Tensor | undefined {
  if (bytes.length < START || bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  const end = START + bytes.readUInt32LE(MAGIC.length);
  const head = headOf(bytes.toString("utf8", START, Math.min(end, bytes.length)));
  const data = bytes.subarray(end);
  if (head === undefined || head.shape.join() !== shape.join()) return undefined;
  if (data.length !== elements(shape) * dtypeBytes(head.dtype) || hashOf(data) !== head.sha256)
    return undefined;
  const own = Uint8Array.from(data).buffer;
  const numbers = head.dtype === "float32" ? new Float32Array(own) : new Uint16Array(own);
  return fromTypedArray(numbers, [1, ...shape], head.dtype);
}

function headOf(text: string): Head | undefined {
  try {
    return Head.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
