// @ts-check

/**
 * A step that cannot go on for a reason that the reader can mend. Set-up runs before anything is built, so these
 * are plain texts and not `defineError` kinds: what happened, where, and what to do.
 */
export class SetupFailure extends Error {
  /**
   * @param {string} what what happened, and where
   * @param {string} todo the exact thing to do, best a command
   * @param {string} [details] what the failed program said, already indented
   */
  constructor(what, todo, details) {
    super(what);
    this.name = "SetupFailure";
    this.todo = todo;
    this.details = details;
  }

  /** The text for the terminal. */
  text() {
    const details = this.details === undefined || this.details === "" ? "" : `${this.details}\n`;
    return `${details}hyfw set-up stopped: ${this.message}\n  to do    ${this.todo}`;
  }
}
