import { closeFailed } from "../errors/plugins.js";

/**
 * What a run has opened, closed last opened first. Closing is safe to ask for twice and while it is under way: every
 * caller waits for the same closing, and nothing is closed twice.
 */
export class RunScope {
  private readonly opened: { name: string; close: () => void | Promise<void> }[] = [];
  private closing: Promise<void> | undefined;

  /** Registers something that is open now; `name` is what an error calls it. */
  onClose(name: string, close: () => void | Promise<void>): void {
    this.opened.push({ name, close });
  }

  /**
   * Closes everything, also what comes after something that cannot be closed.
   * @throws HYFW_CLOSE naming all that failed
   */
  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    const names: string[] = [];
    const causes: unknown[] = [];
    for (let last = this.opened.pop(); last !== undefined; last = this.opened.pop()) {
      try {
        await last.close();
      } catch (cause) {
        names.push(last.name);
        causes.push(cause);
      }
    }
    if (names.length > 0) throw closeFailed(names, causes);
  }
}
