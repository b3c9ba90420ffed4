import type { Resolution } from "./dataset.js";

/** How often a cache was asked. */
export interface CacheCounts {
  readonly found: number;
  readonly made: number;
  /** Entries that were damaged and made again; counted in `made` too. */
  readonly broken: number;
}

/** What an encoder that keeps its results says of that, for plans and `hyfw cache`. */
export interface EncoderCache {
  readonly name: string;
  readonly folder: string;
  /** Bytes on disk of one sample. */
  bytesPerSample(resolution: Resolution): number;
  counts(): CacheCounts;
}
