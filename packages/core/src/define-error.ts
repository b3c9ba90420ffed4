/** What an error says beside its first line: where the fault is, who set the value, and what to do. */
export interface ErrorFields {
  /** Places named to the reader: file, row, column, preset, setting. Printed one per line under the message. */
  readonly where?: Readonly<Record<string, string | number>>;
  /** The setting that leads here and who set it, for example `dataset.csv = "a.csv", set by presets/base`. */
  readonly setting?: string;
  /** What the reader can do about it. */
  readonly todo?: string;
  /** The original error, when this one explains it. */
  readonly cause?: unknown;
}

/** An expected failure with a stable code. `message` is what a person reads; `code` is what a program tests. */
export class HyfwError extends Error {
  override readonly name = "HyfwError";
  constructor(
    readonly code: string,
    readonly summary: string,
    readonly fields: ErrorFields = {},
  ) {
    super(
      formatError(code, summary, fields),
      fields.cause === undefined ? undefined : { cause: fields.cause },
    );
  }
}

/** Makes the function that builds one kind of error. Every package lists its kinds in an `errors.ts`, or by subject in an `errors` folder. */
export function defineError<Args extends unknown[]>(
  code: `HYFW_${string}`,
  describe: (...args: Args) => { summary: string } & ErrorFields,
): ((...args: Args) => HyfwError) & { code: string } {
  const make = (...args: Args): HyfwError => {
    const { summary, ...fields } = describe(...args);
    return new HyfwError(code, summary, fields);
  };
  return Object.assign(make, { code });
}

function formatError(code: string, summary: string, fields: ErrorFields): string {
  const lines = [`${code}: ${summary}`];
  const width = Math.max(7, ...Object.keys(fields.where ?? {}).map((key) => key.length));
  for (const [key, value] of Object.entries(fields.where ?? {}))
    lines.push(`  ${key.padEnd(width)}  ${value}`);
  if (fields.setting !== undefined) lines.push(`  ${"setting".padEnd(width)}  ${fields.setting}`);
  if (fields.todo !== undefined) lines.push(`  ${"to do".padEnd(width)}  ${fields.todo}`);
  return lines.join("\n");
}
