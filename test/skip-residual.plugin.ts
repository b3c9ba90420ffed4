// A small ControlNet for HunyuanDiT, as a plugin of somebody else would be: the brightness of each patch, through a
// layer that begins at 0, is added to every long skip. It knows the names of values and segments, not the network.
import {
  ADAPTER,
  type Adapter,
  type Batch,
  type DrawRequest,
  definePlugin,
  type ModelFacts,
  type Segment,
  type Values,
  z,
} from "@hyfw/core";
import { full, type Tensor } from "@hyfw/native";
import { Linear, type Place, zeroInit } from "@hyfw/nn";

const Options = z.strictObject({
  patchPixels: z.number().int().positive().default(4).describe("Side of a patch in pixels."),
  drawn: z.number().min(-1).max(1).default(0).describe("Brightness of every patch of drawn pictures."),
});

/** A segment and the skip that it writes. */
interface Skip {
  readonly segment: string;
  readonly value: string;
  readonly layer: Linear;
}

class SkipResidual implements Adapter {
  readonly name = "skip residual";
  private skips: readonly Skip[] = [];

  constructor(private readonly options: z.output<typeof Options>) {}

  attach(model: { readonly segments: readonly Segment[] }, { device, seed }: ModelFacts) {
    const width = model.segments
      .flatMap(({ parameters }) => parameters)
      .find(({ name }) => name === "x_embedder.proj.weight")?.shape[0];
    if (width === undefined) throw new Error("skip residual needs a model with x_embedder.proj.weight");
    this.skips = model.segments.flatMap(({ name, writes }) =>
      writes
        .filter((value) => value.startsWith("skip."))
        .map((value) => {
          const place: Place = { path: `control.${value}`, device, seed };
          return { segment: name, value, layer: new Linear(place, 1, width, { weight: zeroInit }) };
        }),
    );
    return new Map(this.skips.map(({ segment, layer }) => [segment, layer.parameters()]));
  }

  segments(segments: readonly Segment[]): Segment[] {
    return segments.map((segment) => {
      const skip = this.skips.find((one) => one.segment === segment.name);
      if (skip === undefined) return segment;
      return {
        ...segment,
        reads: [...segment.reads, "hint"],
        run: ({ hint, ...values }) => {
          const written = segment.run(values);
          const carried = written[skip.value];
          if (hint === undefined || carried === undefined)
            throw new Error(`${segment.name} lacks its values`);
          return { ...written, [skip.value]: carried.add(skip.layer.forward(hint)) };
        },
      };
    });
  }

  /** Mean brightness of each patch, in reading order: [B, L, 1]. */
  batchValues({ images, resolution: { height, width } }: Batch): Values {
    const p = this.options.patchPixels;
    const patches = images.mean([1]).reshape([-1, height / p, p, width / p, p]);
    return { hint: patches.mean([2, 4]).reshape([-1, (height / p) * (width / p), 1]) };
  }

  drawValues({ resolution: { height, width } }: DrawRequest, values: Values): Values {
    const p = this.options.patchPixels;
    const xt = values.xt as Tensor;
    const shape = [xt.shape[0] ?? 0, (height / p) * (width / p), 1];
    return { hint: full(shape, this.options.drawn) };
  }

  files() {
    return {};
  }
  describe(): string {
    return `brightness into ${this.skips.length} skips`;
  }
}

export default definePlugin({
  name: "skip-residual",
  version: "1.0.0",
  core: "^0.1.0",
  options: Options,
  provides: [ADAPTER],
  setup: ({ options, provide }) => provide(ADAPTER, new SkipResidual(options)),
});
