/** Where a slice of a source begins; what the two numbers mean is the source's own matter. */
export type Place = readonly [number, number];

/** The picture of a row: a file by path, or bytes that the source itself holds. */
export type PicturePlace =
  | { readonly path: string | null }
  | { readonly bytes: Uint8Array | null; readonly name: string };

/** Why a row is not packed: the reason groups rows in the counts, the detail is for this row. */
export interface Refusal {
  readonly reason: string;
  readonly detail: string;
}

/** One row of any source. */
export interface SourceRow {
  /** Number of the row, from 1. */
  readonly row: number;
  /** Line of the file on which it starts, from 1; null when the source has no lines. */
  readonly line: number | null;
  readonly picture: PicturePlace;
  /** In the order of the columns asked for; an empty or missing cell is null. */
  readonly cells: readonly (string | null)[];
  /** What was done to the row to read it. */
  readonly repairs: readonly string[];
  /** Set when the row itself cannot be told apart into fields. */
  readonly refusal?: Refusal;
}

/** What a first pass over a source found. Nothing is written before it is done, so a malformed source leaves nothing behind. */
export interface Survey {
  readonly rows: number;
  /** Columns beside the picture's, in order of first appearance. */
  readonly columns: readonly string[];
  /** Changes with the content of the source, not with its path. */
  readonly fingerprint: string;
  /** Where each slice begins. */
  readonly starts: readonly Place[];
}

/** Rows with pictures and captions, from whatever file or folder they are in. */
export interface Source {
  /** How the source is read, for people: one line each. */
  readonly facts: readonly string[];
  /** Reads everything but the pictures. @param sliceRows rows per slice */
  survey(sliceRows: number): Promise<Survey>;
  /** The rows of one slice, `survey.columns` in that order. */
  rows(slice: SliceRange, survey: Survey): AsyncIterable<SourceRow>;
}

/** The rows [first, first + count), counted from 0, which begin at `place`. */
export interface SliceRange {
  readonly first: number;
  readonly count: number;
  readonly place: Place;
}
