import type { RunState } from "../checkpoint/state.js";
import { notFiniteOften } from "../errors/training.js";
import type { Settings } from "../settings/schema.js";
import type { StepReport } from "./step.js";
import type { World } from "./world.js";

/** What a watch may do. */
export interface WatchMeans {
  note(text: string): void;
  /** Puts the last good checkpoint back. */
  goBack(): Promise<RunState>;
}

/** Decides what becomes of steps that changed no weight, since a loss or gradient was not finite, and counts them. */
export class NonFiniteWatch {
  private count = 0;

  constructor(
    private readonly settings: Pick<Settings["train"], "onNonFinite" | "maxNonFinite">,
    private readonly world: World,
    private readonly means: WatchMeans,
  ) {}

  /**
   * Looks at a step that is done.
   * @returns the state to go on from when the run has gone back; its place in the data is behind the bad rows
   * @throws HYFW_NOT_FINITE_OFTEN
   */
  async look(state: RunState, { skipped, badRows, gradNorm }: StepReport): Promise<RunState | undefined> {
    if (skipped === undefined) return undefined;
    const { onNonFinite, maxNonFinite } = this.settings;
    if (skipped === "overflow") {
      this.means.note(
        `step ${state.step} left out: its gradients overflow float16; the loss scale goes down`,
      );
      return undefined;
    }
    this.count += 1;
    const rows = badRows.length === 0 ? "" : `; the loss is not finite at ${badRows.slice(0, 4).join(", ")}`;
    if (this.count > maxNonFinite) throw notFiniteOften(state.step, maxNonFinite, onNonFinite, badRows);
    this.means.note(
      `step ${state.step} left out: the norm of its gradients is ${gradNorm}${rows} (${this.count} of at most ${maxNonFinite})`,
    );
    if (onNonFinite !== "rollback") return undefined;
    const back = await this.means.goBack();
    this.means.note(`back to step ${back.step}, behind the rows of step ${state.step}`);
    await this.world.meet();
    return { ...back, place: state.place, samples: state.samples };
  }
}
