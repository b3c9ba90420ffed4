import type { CommandIo } from "../cli/command.js";
import { ADAPTER } from "../hooks/adapter.js";
import { AUGMENTER } from "../hooks/augmenter.js";
import { DATASET } from "../hooks/dataset.js";
import { type DrawRequest, MODEL, type Model } from "../hooks/model.js";
import { OPTIMIZER } from "../hooks/optimizer.js";
import { SAMPLER } from "../hooks/sampler.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import { storages } from "./build-engine.js";
import { chooseTrained } from "./choose-trained.js";
import { openRun } from "./container.js";
import { openDevice } from "./device.js";
import { drawPictures, type PicturePlace } from "./draw-pictures.js";
import { RUN_EVENTS } from "./events.js";
import { Executor } from "./executor.js";
import { openAccelerators } from "./open-accelerators.js";
import { Progress } from "./progress.js";
import { writeRecipes } from "./write-recipes.js";

/** Only training needs these: one may draw where the data is not. */
const FOR_TRAINING = [DATASET, SAMPLER, AUGMENTER, OPTIMIZER, RUN_EVENTS];

/** What is drawn and where it goes. */
export interface DrawJob {
  readonly request: DrawRequest;
  readonly place: PicturePlace;
  /** Whether programs that draw the same are written beside the pictures. */
  readonly recipes: boolean;
}

/**
 * Builds the model of some settings, has weights put into it, and draws through the same code as pictures during
 * training.
 * @param load puts weights into the model; gives what is drawn, once they are known
 * @returns the files that were written, pictures in the order of the prompts first
 */
export async function drawWith(
  resolved: ResolvedSettings,
  load: (model: Model) => DrawJob,
  io: Pick<CommandIo, "stdout" | "isTerminal" | "signal">,
): Promise<readonly string[]> {
  const plugins = resolved.plugins.filter(({ definition }) =>
    definition.provides.every(({ key }) => !FOR_TRAINING.some((token) => token.key === key)),
  );
  const run = await openRun({ ...resolved, plugins }, { required: [MODEL] });
  const progress = new Progress(io);
  try {
    const device = openDevice(resolved.settings.run);
    const accelerators = openAccelerators(run);
    const building = { device, seed: resolved.settings.run.seed };
    // A file that is loaded whole, or refused, needs no first numbers under it.
    const { weights, train } = resolved.settings;
    const isWhole = train.only === undefined && run.getAll(ADAPTER).length === 0;
    const isBlank = isWhole && !weights.allowMissing;
    const model = chooseTrained(run, run.get(MODEL).build({ ...building, isBlank }), building);
    run.onClose("weights", () => {
      for (const tensor of storages(model)) tensor.dispose();
    });
    for (const accelerator of accelerators)
      await accelerator.prepare?.(model, { device, rank: 0, worldSize: 1 });
    const { request, place, recipes } = load(model);
    const executor = new Executor(model.segments, accelerators);
    const onStep = (done: number, of: number): void => {
      io.signal.throwIfAborted();
      progress.activity(`drawing ${request.prompts.length} picture(s), ${done}/${of}`);
    };
    const pictures = await drawPictures({ model, executor, ema: undefined }, { ...request, onStep }, place);
    return recipes && place.folder !== undefined
      ? [...pictures, ...(await writeRecipes(model, request, place.folder))]
      : pictures;
  } finally {
    progress.end();
    await run.close();
  }
}
