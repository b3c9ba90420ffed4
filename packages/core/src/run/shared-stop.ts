import type { World } from "./world.js";

/** A wish to stop that reaches one process, made one of all: they stop after the same step. */
export class SharedStop {
  private wasAsked = false;

  constructor(
    private readonly world: World,
    private readonly signal: AbortSignal,
  ) {}

  /** What the last `ask` gave. */
  get isSet(): boolean {
    return this.wasAsked;
  }

  /** Whether some process was told to stop; every process asks at the same place. */
  async ask(): Promise<boolean> {
    const [stops = 0] = await this.world.reduce([this.signal.aborted ? 1 : 0], "max");
    this.wasAsked = stops > 0;
    return this.wasAsked;
  }
}
