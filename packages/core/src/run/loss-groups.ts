import type { Resolution } from "../hooks/dataset.js";

/** The loss of one sample, and what it is grouped by. */
export interface SampleLoss {
  readonly loss: number;
  readonly timestep: number;
  readonly resolution: Resolution;
  /** The text column or template that its caption was taken from; absent where it is not known. */
  readonly construction?: string;
}

/** Bands that the timesteps are cut into. */
const BANDS = 4;

/** Mean losses of the samples since the last time they were taken, by band of timesteps, bucket and caption. */
export class LossGroups {
  private readonly byTimestep = new Map<string, Mean>();
  private readonly byBucket = new Map<string, Mean>();
  private readonly byCaption = new Map<string, Mean>();

  /** @param timesteps how many there are; without it samples are not grouped by them */
  constructor(private readonly timesteps: number | undefined) {}

  add(samples: readonly SampleLoss[]): void {
    for (const { loss, timestep, resolution, construction } of samples) {
      addTo(this.byBucket, `${resolution.height}x${resolution.width}`, loss);
      if (construction !== undefined) addTo(this.byCaption, construction, loss);
      if (this.timesteps !== undefined) addTo(this.byTimestep, bandOf(timestep, this.timesteps), loss);
    }
  }

  /** The means by group; the groups are empty afterwards. */
  take(): {
    readonly lossByTimestep: Readonly<Record<string, number>>;
    readonly lossByBucket: Readonly<Record<string, number>>;
    readonly lossByCaption: Readonly<Record<string, number>>;
  } {
    return {
      lossByTimestep: takeMeans(this.byTimestep),
      lossByBucket: takeMeans(this.byBucket),
      lossByCaption: takeMeans(this.byCaption),
    };
  }
}

interface Mean {
  sum: number;
  count: number;
}

function addTo(groups: Map<string, Mean>, name: string, loss: number): void {
  const mean = groups.get(name) ?? { sum: 0, count: 0 };
  mean.sum += loss;
  mean.count += 1;
  groups.set(name, mean);
}

function takeMeans(groups: Map<string, Mean>): Record<string, number> {
  const inOrder = [...groups].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  groups.clear();
  return Object.fromEntries(inOrder.map(([name, { sum, count }]) => [name, sum / count]));
}

/** `250-499`: the quarter that a timestep lies in. */
function bandOf(timestep: number, timesteps: number): string {
  const width = timesteps / BANDS;
  const band = Math.min(BANDS - 1, Math.floor(timestep / width));
  return `${Math.ceil(band * width)}-${Math.ceil((band + 1) * width) - 1}`;
}
