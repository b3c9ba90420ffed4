import type { GoldenCase, Outcome } from "@hyfw/core/golden";

export { type GoldenCase, load, same } from "@hyfw/core/golden";

/** Runs a check; what it throws makes the case fail. It gives what was compared, or a skipped or measured case. */
export async function check(
  name: string,
  run: () => Promise<string | Outcome> | string | Outcome,
): Promise<GoldenCase> {
  try {
    const result = await run();
    return typeof result === "string" ? { name, status: "passed", detail: result } : { name, ...result };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return { name, status: "failed", detail: what.split("\n")[0] ?? "" };
  }
}

/** A case left out, with the reason. */
export function skipped(detail: string): Outcome {
  return { status: "skipped", detail };
}

/** A case with a measured error: passed when it is at most `limit`. */
export function measured(detail: string, error: number, limit: number): Outcome {
  return { status: error <= limit ? "passed" : "failed", detail, error, limit };
}
