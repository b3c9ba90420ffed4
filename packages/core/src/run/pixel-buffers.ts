/** Memory for decoded pictures, used again from batch to batch. */
export class PixelBuffers {
  private readonly free = new Map<number, Uint8Array[]>();

  /** Memory of this many bytes with whatever was in it. */
  take(bytes: number): Uint8Array {
    return this.free.get(bytes)?.pop() ?? new Uint8Array(bytes);
  }

  /** Puts memory back for the next taker; whoever gives it back does not touch it again. */
  giveBack(buffer: Uint8Array): void {
    const same = this.free.get(buffer.byteLength);
    if (same === undefined) this.free.set(buffer.byteLength, [buffer]);
    else same.push(buffer);
  }
}
