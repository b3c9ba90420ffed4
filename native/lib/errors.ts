/** An error of the native room: a stable code beside the text. Errors thrown inside libtorch have code HYFW_NATIVE_OP. */
export class NativeError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "NativeError";
  }
}

export function dtypeUnknown(found: string, known: readonly string[]): NativeError {
  return new NativeError("HYFW_NATIVE_DTYPE", `element type ${found} is not one of ${known.join(", ")}`);
}

export function shapeMismatch(shape: readonly number[], expected: number, found: number): NativeError {
  return new NativeError(
    "HYFW_NATIVE_SHAPE",
    `shape [${shape.join(", ")}] has ${expected} elements, found ${found}`,
  );
}

export function addonMissing(what: string, todo: string, cause?: unknown): NativeError {
  return new NativeError("HYFW_NATIVE_ADDON", `${what}\n  to do    ${todo}`, { cause });
}

export function badFile(path: string, what: string): NativeError {
  return new NativeError("HYFW_SAFETENSORS", `${path}: ${what}`);
}

export function tensorAbsent(path: string, name: string, near: readonly string[]): NativeError {
  return new NativeError(
    "HYFW_SAFETENSORS_NAME",
    `${path} has no tensor ${JSON.stringify(name)}${near.length > 0 ? `; it has ${near.join(", ")}` : ""}`,
  );
}

export function torchFileBroken(path: string, what: string): NativeError {
  return new NativeError("HYFW_TORCH_FILE", `${path}: ${what}`);
}

export function torchFileUnsafe(path: string, name: string): NativeError {
  return new NativeError(
    "HYFW_TORCH_FILE_UNSAFE",
    `${path}: its pickle names ${name}, which is not plain data; loading it in Python could run code of that file, so hyfw reads nothing from it`,
  );
}

/** Names that end like the one that was asked for. */
export function nearNames(name: string, names: readonly string[]): string[] {
  const last = name.split(".").slice(-2).join(".");
  return names.filter((other) => other.endsWith(last)).slice(0, 5);
}
