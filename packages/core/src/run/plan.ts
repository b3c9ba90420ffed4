import { describeValue } from "../errors/words.js";
import { displayValue, formatOrigin } from "../preset/origin.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import type { LoadedRun } from "./container.js";

/** One part of the plan: a title, and facts as label and value. */
export interface PlanSection {
  readonly title: string;
  readonly rows: readonly (readonly [label: string, value: string])[];
}

/** What is known of a run from its settings and plugins: settings that differ from defaults, plugins in order. */
export function planSettings(run: LoadedRun): PlanSection[] {
  const { resolved, plugins } = run;
  const changed = resolved
    .leaves()
    .filter(({ path, origin }) => origin.layer !== "default" && !path.startsWith("requires"));
  return [
    {
      title: "Settings that differ from defaults",
      rows: changed.map(({ path, value, origin }) => [
        path,
        `${formatSetting(value, resolved)}  (${formatOrigin(origin, resolved.cwd)})`,
      ]),
    },
    {
      title: "Plugins, in set-up order",
      rows: plugins.map(({ name, definition, origin }) => [
        name,
        `${definition.version}, ${definition.provides.map(({ hook }) => hook).join(", ")}  (${formatOrigin(origin, resolved.cwd)})`,
      ]),
    },
    { title: "Identity", rows: [["settings hash", resolved.hash]] },
  ];
}

/** A plan as text: titles, then rows with their values in one column. */
export function formatPlan(
  sections: readonly PlanSection[],
  paint: (title: string) => string = String,
): string {
  return sections
    .filter(({ rows }) => rows.length > 0)
    .map(({ title, rows }) => {
      const width = Math.max(...rows.map(([label]) => label.length));
      return [paint(title), ...rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`)].join("\n");
    })
    .join("\n\n")
    .concat("\n");
}

/** A value as the plan shows it; paths below the working directory are shown relative to it. */
export function formatSetting(value: unknown, { cwd }: Pick<ResolvedSettings, "cwd">): string {
  const shown = displayValue(value, cwd);
  return typeof shown === "string" && /^[\w./:@-]+$/.test(shown) ? shown : describeValue(shown);
}
