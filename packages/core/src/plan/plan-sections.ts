import type { Resolution } from "../hooks/dataset.js";
import type { PlanSection } from "../run/plan.js";
import { formatDuration } from "../run/progress.js";
import { type Choice, everyChoice, flagsOf, nameOf } from "./choices.js";
import { type Place, secondsOf } from "./estimate.js";
import { gib, type Judged, judge, largestBatch, type MeasuredBy, type Recommendation } from "./recommend.js";

/** What a plan is written from. */
export interface PlanAnswer {
  readonly measured: MeasuredBy;
  readonly place: Place;
  readonly configured: Choice;
  readonly batch: number;
  readonly maxBatch: number;
  readonly resolution: Resolution;
  /** Where the resolution comes from. */
  readonly resolutionFrom: string;
  /** Samples of one epoch, where known. */
  readonly samples: number | undefined;
  /** Price of one GPU for one hour, in any currency. */
  readonly price: number | undefined;
  readonly recommendation: Recommendation | undefined;
  /** What is planned in another way than it would run here. */
  readonly notes: readonly string[];
}

/** A plan in sections, as `hyfw plan` prints them. */
export function planSections(answer: PlanAnswer): PlanSection[] {
  const { measured, configured, batch, place } = answer;
  const own = judge(configured, batch, measured, place);
  return [
    assumptions(answer),
    { title: `As configured: ${nameOf(configured)}, batch ${batch} per GPU`, rows: details(own, answer) },
    { title: `Choices at batch ${batch} per GPU`, rows: choiceRows(answer) },
    { title: "Recommended", rows: recommended(answer) },
  ];
}

function assumptions(answer: PlanAnswer): PlanSection {
  const { place, measured, resolution, resolutionFrom, samples, notes } = answer;
  const { gpu, gpus, utilisation, gradAccuSteps } = place;
  const { bytes } = measured.off;
  const flops = measured.off.walkAt(1).flops;
  return {
    title: "What is planned",
    rows: [
      ["GPUs", `${gpus} × ${gpu.title}, ${gpu.memoryGiB} GiB each to be had`],
      ["resolution", `${resolution.height}x${resolution.width} (${resolutionFrom})`],
      [
        "parameters",
        bytes.trained === bytes.weights
          ? bytes.parameters.toLocaleString("en")
          : `${bytes.parameters.toLocaleString("en")}, of which ${(bytes.trained / 4).toLocaleString("en")} are trained`,
      ],
      ["operations per sample", `${(flops / 1e12).toPrecision(3)} TFLOP forward and backward`],
      ...notes.map((note, n): [string, string] => [n === 0 ? "planned with" : "", note]),
      ["micro-batches per step", String(gradAccuSteps)],
      ["samples per epoch", samples === undefined ? "unknown; give --samples" : samples.toLocaleString("en")],
      [
        "assumed",
        `${Math.round(100 * utilisation)} % of ${gpu.bf16Tflops} TFLOP/s; ${gpu.linkGBs} GB/s between GPUs, ${gpu.hostGBs} GB/s to the host`,
      ],
    ],
  };
}

function details(one: Judged, answer: PlanAnswer): [string, string][] {
  const { memory, bytes, hostBytes, traffic, time, fits } = one;
  const { gpu } = answer.place;
  const kinds: [string, number][] = [
    ["weights", memory.weights],
    ["gradients", memory.gradients],
    ["optimizer states", memory.states],
    ["moving average", memory.average],
    ["activations", memory.activations],
    ["frozen encoders", memory.frozen],
    ["margin", memory.margin],
  ];
  const verdict = fits ? "fits" : `does not fit ${gpu.memoryGiB} GiB`;
  return [
    ...kinds.filter(([, size]) => size > 0).map(([name, size]): [string, string] => [name, gib(size)]),
    ["together", `${gib(bytes)} per GPU: ${verdict}`],
    ...(hostBytes > 0 ? [["in host memory", `${gib(hostBytes)} per GPU`] as [string, string]] : []),
    ["communication per step", traffic > 0 ? `${gib(traffic)} sent by each GPU` : "none"],
    [
      "time per step",
      `${seconds(secondsOf(time))} = ${seconds(time.compute)} compute + ${seconds(time.communication)} communication + ${seconds(time.update)} update + ${seconds(time.host)} host copies`,
    ],
    ...epoch(one, answer),
  ];
}

function epoch({ perSample }: Judged, { samples, price, place }: PlanAnswer): [string, string][] {
  if (samples === undefined) return [];
  const time = perSample * samples;
  const cost =
    price === undefined
      ? ""
      : `, costs ${((time / 3600) * place.gpus * price).toFixed(2)} at ${price} per GPU hour`;
  return [["time per epoch", `${formatDuration(time)}${cost}`]];
}

function choiceRows(answer: PlanAnswer): [string, string][] {
  const { measured, place, batch, maxBatch } = answer;
  return everyChoice(place.gpus).map((choice) => {
    const one = judge(choice, batch, measured, place);
    const most = largestBatch(choice, maxBatch, measured, place);
    const limit =
      most === 0 ? "not even 1 fits" : most === maxBatch ? `batch ${most} or more` : `batch up to ${most}`;
    const pace = (1 / one.perSample).toPrecision(3);
    return [nameOf(choice), `${gib(one.bytes).padStart(10)}  ${limit.padEnd(17)} ${pace} samples/s`];
  });
}

function recommended({ recommendation, place, batch, ...answer }: PlanAnswer): [string, string][] {
  if (recommendation === undefined)
    return [
      [
        "none",
        `no choice fits batch ${batch} into ${place.gpu.memoryGiB} GiB; take more GPUs or larger ones`,
      ],
    ];
  const { best, why } = recommendation;
  return [
    ["choice", `${nameOf(best.choice)}, batch ${batch}: ${gib(best.bytes)} of ${place.gpu.memoryGiB} GiB`],
    ["why", why],
    ["pace", `${(1 / best.perSample).toPrecision(3)} samples/s over all GPUs`],
    ["flags", flagsOf(best.choice)],
    ...epoch(best, { ...answer, recommendation, place, batch }),
  ];
}

function seconds(value: number): string {
  return value < 0.01 ? `${(value * 1000).toFixed(1)} ms` : `${value.toFixed(2)} s`;
}
