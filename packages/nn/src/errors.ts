import { NativeError } from "@hyfw/native";

const list = (names: readonly string[], limit = 12): string =>
  names.length <= limit
    ? names.join(", ")
    : `${names.slice(0, limit).join(", ")} and ${names.length - limit} more`;

/** What a set of named arrays lacks or has too much of, compared with a module's parameters. */
export interface LoadFaults {
  /** Parameters without an array, with the nearest name that was offered. */
  readonly missing: readonly { readonly name: string; readonly near: string | undefined }[];
  /** Arrays without a parameter, with the nearest parameter's name. */
  readonly unexpected: readonly { readonly name: string; readonly near: string | undefined }[];
  /** Arrays whose shape is not the parameter's. */
  readonly misshapen: readonly {
    readonly name: string;
    readonly expected: readonly number[];
    readonly found: readonly number[];
  }[];
}

/** Arrays do not fit the parameters that they are loaded into. */
export function loadMismatch(faults: LoadFaults): NativeError {
  const named = ({ name, near }: { name: string; near: string | undefined }): string =>
    near === undefined ? name : `${name} (near ${near})`;
  const lines = ["the arrays do not fit the model's parameters"];
  if (faults.missing.length > 0) lines.push(`  missing     ${list(faults.missing.map(named))}`);
  if (faults.unexpected.length > 0) lines.push(`  unexpected  ${list(faults.unexpected.map(named))}`);
  const shapes = faults.misshapen.map(
    ({ name, expected, found }) => `${name} must be [${expected.join(", ")}], found [${found.join(", ")}]`,
  );
  if (shapes.length > 0) lines.push(`  misshapen   ${list(shapes)}`);
  lines.push("  to do       check that the file belongs to this model and these settings");
  return new NativeError("HYFW_NN_LOAD", lines.join("\n"));
}

/** Two parameters of one module ask for the same name: a fault in the module. */
export function nameTaken(name: string): NativeError {
  return new NativeError("HYFW_NN_NAME", `parameter ${name} is registered twice`);
}

/** A tensor put in front of a parameter has another shape. */
export function substituteShape(
  name: string,
  expected: readonly number[],
  found: readonly number[],
): NativeError {
  return new NativeError(
    "HYFW_NN_SUBSTITUTE",
    `${name} is [${expected.join(", ")}], its substitute is [${found.join(", ")}]`,
  );
}

/** A stretch of modules asks for other outputs when it runs again than it gave at first. */
export function tapeMismatch(what: string): NativeError {
  return new NativeError(
    "HYFW_NN_TAPE",
    `a stretch of modules ran in another way the second time: ${what}; it must do the same for the same inputs`,
  );
}

/** A low-rank term does not fit the weight it is put beside. */
export function adaptMisfit(
  name: string,
  shape: readonly number[],
  down: readonly number[],
  up: readonly number[],
): NativeError {
  return new NativeError(
    "HYFW_NN_ADAPT",
    `a low-rank term of [${down.join(", ")}] and [${up.join(", ")}] does not fit ${name} of shape [${shape.join(", ")}]`,
  );
}
