import type { Sample } from "../hooks/augmenter.js";
import type { Geometry, Row } from "../hooks/dataset.js";
import { plainCaption } from "../text/caption.js";

/** A row before any augmenter: its first text for both encoders, the geometry as given. */
export function firstSample(row: Row, epoch: number, geometry: Geometry): Sample {
  const [construction = "", text = ""] = Object.entries(row.texts)[0] ?? [];
  const caption = plainCaption(text, construction);
  return { row, epoch, caption, captionT5: caption, geometry, sourceSize: row.size, notes: [] };
}
