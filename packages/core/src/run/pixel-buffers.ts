/** A taken buffer may be this many times as large as what was asked for. */
const MOST_SLACK = 2;

/**
 * Memory for decoded pictures, used again from batch to batch. Buckets of a run have about one area, so memory of one
 * size serves them all; what is kept beyond `keptBytes` is forgotten, the smallest first.
 */
export class PixelBuffers {
  /** Smallest first. */
  private readonly free: ArrayBuffer[] = [];
  private freeBytes = 0;

  constructor(private readonly keptBytes: number) {}

  /** Memory of this many bytes with whatever was in it. */
  take(bytes: number): Uint8Array {
    const at = this.free.findIndex(({ byteLength }) => byteLength >= bytes);
    const found = this.free[at];
    if (found === undefined || found.byteLength > bytes * MOST_SLACK) return new Uint8Array(bytes);
    this.free.splice(at, 1);
    this.freeBytes -= found.byteLength;
    return new Uint8Array(found, 0, bytes);
  }

  /** Puts memory back for the next taker; whoever gives it back does not touch it again. */
  giveBack({ buffer }: Uint8Array): void {
    if (!(buffer instanceof ArrayBuffer)) return;
    const at = this.free.findIndex(({ byteLength }) => byteLength >= buffer.byteLength);
    this.free.splice(at < 0 ? this.free.length : at, 0, buffer);
    this.freeBytes += buffer.byteLength;
    while (this.freeBytes > this.keptBytes) this.freeBytes -= this.free.shift()?.byteLength ?? 0;
  }
}
