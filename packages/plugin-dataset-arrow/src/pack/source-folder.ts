import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { byCodePoints } from "../index-build/find-files.js";
import { looksLikePath } from "./csv-layout.js";
import type { Place, SliceRange, Source, SourceRow, Survey } from "./source.js";

/** A folder of pictures, subfolders too, each with its caption in a .txt file of the same name beside it. */
export function folderSource(folder: string, { captionAs = "text_zh" } = {}): Source {
  let pictures: string[] | undefined;
  const list = (): string[] => {
    pictures ??= picturesUnder(folder, "").sort(byCodePoints);
    return pictures;
  };
  return {
    facts: [
      `layout: a folder; pictures in order of their paths, captions from .txt files beside them into ${captionAs}`,
    ],
    survey: async (sliceRows): Promise<Survey> => {
      const hash = createHash("sha256");
      for (const path of list())
        hash.update(`${path}\0${stamp(join(folder, path))}\0${stamp(captionFile(folder, path))}\0`);
      const starts: Place[] = [];
      for (let row = 0; row < list().length; row += sliceRows) starts.push([row, 0]);
      return { rows: list().length, columns: [captionAs], fingerprint: hash.digest("hex"), starts };
    },
    rows: async function* ({ first, count }: SliceRange): AsyncGenerator<SourceRow> {
      for (const [i, path] of list()
        .slice(first, first + count)
        .entries())
        yield { row: first + i + 1, line: null, picture: { path }, ...caption(captionFile(folder, path)) };
    },
  };
}

function picturesUnder(root: string, inner: string): string[] {
  const entries = readdirSync(join(root, inner), { withFileTypes: true });
  return entries.flatMap((entry) => {
    if (entry.name.startsWith(".")) return [];
    const path = inner === "" ? entry.name : `${inner}/${entry.name}`;
    if (entry.isDirectory()) return picturesUnder(root, path);
    return looksLikePath(entry.name) ? [path] : [];
  });
}

function captionFile(folder: string, picture: string): string {
  return join(folder, picture.replace(/\.[^./]+$/, ".txt"));
}

/** Size and time of a file: enough to see that it was changed. */
function stamp(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "none" : `${found.size}:${found.mtimeMs}`;
}

/** The text of a caption file without its mark and last line end. */
function caption(file: string): Pick<SourceRow, "cells" | "repairs" | "refusal"> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return { cells: [null], repairs: [] };
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "");
    if (text.includes("\0")) return refused(`${file} holds a NUL character`);
    return { cells: [text === "" ? null : text], repairs: [] };
  } catch {
    return refused(`${file} is not UTF-8`);
  }
}

function refused(detail: string): Pick<SourceRow, "cells" | "repairs" | "refusal"> {
  return { cells: [null], repairs: [], refusal: { reason: "caption unreadable", detail } };
}
