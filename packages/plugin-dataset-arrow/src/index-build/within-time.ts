import { createContext, Script } from "node:vm";

const context = createContext({ work: (): void => undefined });
const call = new Script("work()");

/**
 * Runs work that may never end on its own, such as a regular expression that tries every way to split a text: Node
 * interrupts it, inside a single match too.
 * @returns false when it was not done in time; nothing that it left may be used then
 */
export function withinTime(ms: number, work: () => void): boolean {
  context.work = work;
  try {
    call.runInContext(context, { timeout: ms });
    return true;
  } catch (fault) {
    if (isTimeout(fault)) return false;
    throw fault;
  } finally {
    context.work = (): void => undefined;
  }
}

/** It comes from the other context, so it is no instance of this one's Error. */
function isTimeout(fault: unknown): boolean {
  const isObject = typeof fault === "object" && fault !== null;
  return isObject && "code" in fault && fault.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}
