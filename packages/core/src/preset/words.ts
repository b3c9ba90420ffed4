import { parse as parseYaml } from "yaml";
import type { Option } from "../settings/options.js";

/** The value that one word of the command line stands for: text as it is, everything else read as YAML 1.2. */
export function readWord(word: string, option: Pick<Option, "word"> | undefined): unknown {
  if (option?.word === "text" || word === "") return word;
  try {
    return parseYaml(word, { version: "1.2", schema: "core" });
  } catch {
    return word;
  }
}

/** The value that the words after a flag stand for; list options make a list of them. */
export function readWords(words: readonly string[], option: Option): unknown {
  const values = words.map((word) => readWord(word, option));
  return option.list === "always" || values.length > 1 ? values : values[0];
}
