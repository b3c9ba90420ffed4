// @ts-check

/**
 * What a step gives: `text` is printed, `value` is handed on.
 * @template T
 * @typedef {{ text: string, value: T }} StepResult
 */

/**
 * Prints each step with the time that it took. A step that shows something while it works calls `say` for a line.
 * @param {{ write(text: string): unknown }} out
 */
export function stepPrinter(out) {
  /** @param {string} text */
  const say = (text) => {
    out.write(`             ${text}\n`);
  };
  /**
   * @template T
   * @param {string} name
   * @param {() => StepResult<T> | Promise<StepResult<T>>} work
   * @returns {Promise<T>}
   */
  const step = async (name, work) => {
    const start = performance.now();
    const { text, value } = await work();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    out.write(`  ${name.padEnd(10)} ${text} (${seconds} s)\n`);
    return value;
  };
  return { say, step };
}
