import { z } from "zod";
import { launchInvalid } from "../errors/launch.js";
import { type Placement, readPlacement } from "./placement.js";

/** Flags that say how many processes train together, and where. */
export const LaunchOptions = z.strictObject({
  nproc: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("Processes to start on this machine, one per GPU; they train together.")
    .meta({ flag: "--nproc" }),
  nnodes: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("Machines that train together; the same command is started on each.")
    .meta({ flag: "--nnodes" }),
  nodeRank: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe("Number of this machine, from 0.")
    .meta({ flag: "--node-rank" }),
  masterAddr: z
    .string()
    .optional()
    .describe("Name or address of machine 0, as the others reach it.")
    .meta({ flag: "--master-addr" }),
  masterPort: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe("Port on machine 0 where processes meet; a free one when there is one machine.")
    .meta({ flag: "--master-port" }),
  maxRestarts: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("Times that a run that failed is started again, from its last good checkpoint.")
    .meta({ flag: "--max-restarts" }),
});

/** Flags of the launcher, as written. */
export type LaunchOptions = z.output<typeof LaunchOptions>;

/** What to start on this machine. */
export interface LaunchOrder {
  readonly nproc: number;
  readonly nnodes: number;
  readonly nodeRank: number;
  readonly host: string;
  /** A free one when absent. */
  readonly port: number | undefined;
  readonly maxRestarts: number;
}

const DEFAULT_PORT = 29_500;

/**
 * What the flags ask to start; `undefined` when this process trains by itself. Under srun or a PyTorchJob, `--nproc`
 * makes each task a machine's launcher: the number of machines and the address come from there.
 * @throws HYFW_LAUNCH_USAGE
 */
export function orderFrom(
  options: LaunchOptions,
  env: Readonly<Record<string, string | undefined>>,
): LaunchOrder | undefined {
  const { nproc, maxRestarts } = options;
  const asked = nproc ?? 1;
  const isAsked = asked > 1 || (options.nnodes ?? 1) > 1 || maxRestarts > 0;
  if (!isAsked) return undefined;
  const around: Placement | undefined = readPlacement(env);
  if (around?.from === "torchrun" || around?.from === "hyfw")
    throw launchInvalid(
      "--nproc, --nnodes and --max-restarts",
      "this process was started by a launcher already",
    );
  const nnodes = options.nnodes ?? around?.worldSize ?? 1;
  const nodeRank = options.nodeRank ?? around?.rank ?? 0;
  const host = options.masterAddr ?? around?.host ?? (nnodes === 1 ? "127.0.0.1" : undefined);
  if (host === undefined) throw launchInvalid(`--nnodes ${nnodes}`, "--master-addr is missing");
  if (nnodes > 1 && options.nodeRank === undefined && around === undefined)
    throw launchInvalid(`--nnodes ${nnodes}`, "--node-rank is missing");
  if (nodeRank >= nnodes)
    throw launchInvalid(`--node-rank ${nodeRank}`, `there are ${nnodes} machine(s), counted from 0`);
  const port = options.masterPort ?? around?.port ?? (nnodes === 1 ? undefined : DEFAULT_PORT);
  return { nproc: asked, nnodes, nodeRank, host, port, maxRestarts };
}
