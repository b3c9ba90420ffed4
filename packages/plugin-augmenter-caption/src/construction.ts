import type { Rng, Row } from "@hyfw/core";
import { type CaptionOptions, nameOf } from "./options.js";
import { strip } from "./strip.js";
import { writeTags } from "./tag-template.js";

/** One thing that captions may be taken from. */
export interface Construction {
  readonly name: string;
  readonly weight: number;
  /** Its text for a row, stripped; "" when it has none. */
  write(row: Row, rng?: Rng): string;
}

/** The constructions of the settings; without any, the row's columns whose names start with `text_`. */
export function constructionsOf({
  constructions,
}: Pick<CaptionOptions, "constructions">): (row: Row) => readonly Construction[] {
  if (constructions === null)
    return ({ texts }) =>
      Object.keys(texts)
        .filter((column) => column.startsWith("text_"))
        .map((column) => fromColumn(column, column, 1));
  const listed = constructions.map((one): Construction => {
    const { column, tags, weight } = one;
    const name = nameOf(one);
    if (tags === undefined) return fromColumn(name, column ?? "", weight);
    return { name, weight, write: (row, rng) => writeTags(row, tags, rng) };
  });
  return () => listed;
}

function fromColumn(name: string, column: string, weight: number): Construction {
  return { name, weight, write: ({ texts }) => strip(texts[column] ?? "") };
}
