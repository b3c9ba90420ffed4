import { defineToken } from "./tokens.js";

/** Height and width in pixels, height first as everywhere. */
export interface Resolution {
  readonly height: number;
  readonly width: number;
}

/** The positions of the index that share one resolution. A position is a place in the index, from 0. */
export interface Bucket {
  readonly resolution: Resolution;
  /** Positions in index order, repeats included. */
  readonly positions: Uint32Array;
}

/** One row as the index names it, without its picture's pixels. */
export interface Row {
  readonly position: number;
  /** Stable under re-sharding: content hash of the picture and the occurrence number among equal ones. */
  readonly id: string;
  /** The same for rows of equal pictures; the id when left out. */
  readonly picture?: string;
  readonly arrowFile: string;
  readonly rowInFile: number;
  /** Text columns by their name on disk, for example `text_zh`; null cells are absent. */
  readonly texts: Readonly<Record<string, string>>;
  /** Tags by category, when the row has them: `{ year: ["2015"], group: ["smileys"] }`. */
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** Size of the stored picture after EXIF orientation. */
  readonly size: Resolution;
  /** Bytes of the encoded picture. */
  readonly imageBytes: number;
}

/** How the stored picture becomes the training picture: resize, then cut a window, then maybe mirror. */
export interface Geometry {
  /** Size after resizing; covers `resolution`. */
  readonly resized: Resolution;
  /** Top left of the window in the resized picture. */
  readonly crop: { readonly top: number; readonly left: number };
  /** Size of the window: the bucket's resolution. */
  readonly resolution: Resolution;
  /** Mirrored left to right after the crop; the crop stays as drawn. Applied on the device, not by `readPixels`. */
  readonly flip: boolean;
}

/**
 * The rows that a run trains on. Opening costs footers only; rows are read by position, in any order, from any
 * number of callers at a time.
 */
export interface Dataset {
  readonly name: string;
  /** Hash over the index content and the shards' identities; changes when any row does. */
  readonly fingerprint: string;
  /** Number of positions, repeats included. */
  readonly length: number;
  readonly buckets: readonly Bucket[];
  /** One line per fact for the plan: sources, rows, refused rows by reason. */
  describe(): readonly string[];
  /** @throws an error naming Arrow file and row when the row cannot be read */
  row(position: number): Promise<Row>;
  /** The resize and centre-crop window of this row for its bucket, by the official formulas. */
  geometry(row: Row, resolution: Resolution): Geometry;
  /**
   * Decodes, resizes and crops in one pass into `out`, uint8 RGB [H, W, 3] with H, W of `geometry.resolution`.
   * Never substitutes a picture: an undecodable one throws an error naming Arrow file and row.
   */
  readPixels(row: Row, geometry: Geometry, out: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Opens the rows of one training phase. `phase` is the phase's own options over the plugin's. */
export interface DatasetHook {
  open(phase: PhaseData): Promise<Dataset>;
}

/** What a training phase says of its data: settings laid over the dataset plugin's own. */
export interface PhaseData {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Exactly one plugin provides the data set. */
export const DATASET = defineToken<DatasetHook>("dataset", "one");
