/** One file of a checkpoint: a header, and bytes behind it. Buffers are handed over, not copied. */
export interface FileOrder {
  readonly name: string;
  readonly parts: readonly Uint8Array[];
}

/** What one process writes of a checkpoint, off its main thread. */
export interface WriteOrder {
  /** The folder that is written into before it gets its name. */
  readonly partial: string;
  readonly files: readonly FileOrder[];
  readonly rank: number;
  /** Of rank 0, which finishes the checkpoint once every process has written its files. */
  readonly finish?: FinishOrder;
}

/** How a checkpoint becomes one. */
export interface FinishOrder {
  readonly path: string;
  readonly step: number;
  readonly kind: "kept" | "latest";
  readonly worldSize: number;
  /** Newest kept checkpoints that stay. */
  readonly keep: number;
  /** Steps between kept checkpoints that stay for good; 0 for none. */
  readonly keepEvery: number;
}

/** What the writing thread answers: nothing wrong, or what was. */
export interface WriteAnswer {
  readonly fault?: { readonly message: string; readonly code: string | undefined };
}
