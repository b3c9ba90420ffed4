/** What a plan needs to know of a card; figures of the maker's data sheets. */
export interface Gpu {
  readonly name: string;
  readonly title: string;
  /** GiB that a process can have, below what the card carries. */
  readonly memoryGiB: number;
  /** Dense bfloat16 products with float32 sums, TFLOP/s. */
  readonly bf16Tflops: number;
  /** GB/s of the card's memory. */
  readonly memoryGBs: number;
  /** GB/s that one GPU sends to others of the same machine, one way. */
  readonly linkGBs: number;
  /** GB/s between the card and host memory, one way. */
  readonly hostGBs: number;
}

/** Cards that `hyfw plan` knows. */
export const GPUS: readonly Gpu[] = [
  gpu("a800-80g", "A800 80 GB", [79, 312, 2039], [200, 25]),
  gpu("a100-80g", "A100 80 GB", [79, 312, 2039], [300, 25]),
  gpu("a100-40g", "A100 40 GB", [39, 312, 1555], [300, 25]),
  gpu("h100", "H100 80 GB", [78, 989, 3350], [450, 50]),
  gpu("h200", "H200 141 GB", [139, 989, 4800], [450, 50]),
  gpu("l40s", "L40S 48 GB", [44, 362, 864], [25, 25]),
  gpu("rtx4090", "RTX 4090 24 GB", [23.5, 165, 1008], [20, 25]),
  gpu("rtx3090", "RTX 3090 24 GB", [23.5, 71, 936], [20, 25]),
];

function gpu(
  name: string,
  title: string,
  [memoryGiB, bf16Tflops, memoryGBs]: readonly [number, number, number],
  [linkGBs, hostGBs]: readonly [number, number],
): Gpu {
  return { name, title, memoryGiB, bf16Tflops, memoryGBs, linkGBs, hostGBs };
}
