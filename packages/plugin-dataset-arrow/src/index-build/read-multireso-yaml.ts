import type { MultiresoSettings } from "./build-multireso.js";
import { YamlReader } from "./yaml-reader.js";
import type { YamlValue } from "./yaml-tree.js";

const KEYS = ["src", "base_size", "reso_step", "target_ratios", "align", "min_size", "md5_file"];

/** Settings of a multi-resolution index as far as they are given. */
export type GivenMultireso = {
  -readonly [Key in keyof MultiresoSettings]?: MultiresoSettings[Key] | undefined;
};

/**
 * Reads the YAML of the official `idk multireso`.
 * @throws HYFW_INDEX_SETTING, HYFW_INDEX_DIFFERENCE naming line and key
 */
export function readMultiresoYaml(
  text: string,
  file: string,
  asOfficial = false,
): { given: GivenMultireso; notes: readonly string[] } {
  const yaml = new YamlReader(file, asOfficial);
  const root = yaml.parse(text);
  const own = yaml.map(root, "", KEYS);
  const given: GivenMultireso = {};
  const read = (key: string, use: (value: YamlValue) => void): void => {
    const entry = own.get(key);
    if (entry !== undefined) use(entry.value);
  };
  const least = (value: YamlValue, key: string, smallest: number): number => {
    const number = yaml.whole(value, key);
    if (number < smallest) throw yaml.fault(value.line, `${key} is ${number}`, `give ${smallest} or more`);
    return number;
  };
  const isNull = (value: YamlValue): boolean => value.data.kind === "null";
  read("src", (value) => {
    given.src = yaml.texts(value, "src");
  });
  read("base_size", (value) => {
    given.baseSize = least(value, "base_size", 1);
  });
  read("reso_step", (value) => {
    given.resoStep = isNull(value) ? null : least(value, "reso_step", 1);
  });
  read("target_ratios", (value) => {
    given.targetRatios = isNull(value)
      ? null
      : yaml.list(value, "target_ratios").map((ratio, i) => yaml.text(ratio, `target_ratios[${i}]`));
  });
  read("align", (value) => {
    given.align = least(value, "align", 1);
  });
  read("min_size", (value) => {
    given.minSize = least(value, "min_size", 0);
  });
  read("md5_file", (value) => {
    given.md5File = isNull(value) ? undefined : yaml.text(value, "md5_file");
  });
  return { given, notes: yaml.notes };
}
