import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { noGrad } from "./autograd.js";
import type { DType } from "./dtype.js";
import { shapeMismatch } from "./errors.js";
import { Scope } from "./scope.js";
import type { Tensor } from "./tensor.js";

/** One tensor to be written: its facts now, its numbers when its turn comes. */
export interface TensorSource {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Called once, in a scope that ends when the tensor is written. */
  get(): Tensor;
}

/** A file on its way, and how much of it is there. */
export class GrowingFile {
  private written = 0;
  constructor(private readonly file: number) {}

  /** Bytes so far. */
  get length(): number {
    return this.written;
  }
  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.file, bytes, done, Math.min(bytes.length - done, 2 ** 30));
    this.written += bytes.length;
  }
  /** Writes a tensor's numbers in row order, and frees what making them took. */
  writeTensor(source: TensorSource): void {
    withBytes(source, (bytes) => this.write(bytes));
  }
}

/** Gives a tensor's bytes in row order to `work`, and frees them. @throws HYFW_NATIVE_SHAPE when it is another than announced */
export function withBytes(source: TensorSource, work: (bytes: Uint8Array) => void): void {
  using scope = new Scope();
  scope.run(() =>
    noGrad(() => {
      const tensor = source.get();
      if (tensor.shape.join() !== source.shape.join() || tensor.dtype !== source.dtype)
        throw shapeMismatch(
          source.shape,
          source.shape.reduce((product, size) => product * size, 1),
          tensor.numel,
        );
      if (tensor.numel === 0) return;
      const { buffer, byteOffset, byteLength } = tensor
        .detach()
        .to({ device: "cpu" })
        .contiguous()
        .viewTypedArray();
      work(new Uint8Array(buffer, byteOffset, byteLength));
    }),
  );
}

/** A file that appears under its name only when it is whole: written beside as `.partial`, synced, renamed. */
export function writeWhole(path: string, work: (file: GrowingFile) => void): void {
  const partial = `${path}.partial`;
  const file = openSync(partial, "w");
  try {
    work(new GrowingFile(file));
    fsyncSync(file);
    closeSync(file);
    renameSync(partial, path);
  } catch (fault) {
    closeQuietly(file);
    unlinkSync(partial);
    throw fault;
  }
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // closed before; the fault that brought us here is thrown
  }
}
