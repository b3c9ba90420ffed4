import { stringify } from "yaml";
import { displayValue, formatOrigin } from "../preset/origin.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import { formatPath, isPlainObject, type SettingPath } from "../settings/path.js";

/**
 * Settings as YAML that may be used as a config file again.
 * @param withOrigins adds to each value, as a comment, who set it and whom that replaced
 */
export function printSettings(resolved: ResolvedSettings, withOrigins: boolean): string {
  const lines: { text: string; origin: string }[] = [];
  const print = (value: Record<string, unknown>, path: SettingPath): void => {
    for (const [key, child] of Object.entries(value)) {
      if (child === undefined) continue;
      const here = [...path, key];
      const label = `${"  ".repeat(path.length)}${scalar(key)}:`;
      if (isPlainObject(child) && Object.keys(child).length > 0) {
        lines.push({ text: label, origin: "" });
        print(child, here);
      } else {
        const origin = resolved.origin(formatPath(here));
        const place = origin === undefined ? "" : formatOrigin(origin, resolved.cwd);
        lines.push({ text: `${label} ${scalar(displayValue(child, resolved.cwd))}`, origin: place });
      }
    }
  };
  print(resolved.settings, []);
  const width = Math.min(60, Math.max(...lines.map(({ text }) => text.length)));
  return lines
    .map(({ text, origin }) =>
      withOrigins && origin !== "" ? `${text.padEnd(width)}  # ${origin}\n` : `${text}\n`,
    )
    .join("");
}

function scalar(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", lineWidth: 0, version: "1.2" }).trimEnd();
}
