import { addon } from "./addon.js";
import { NativeError } from "./errors.js";
import type { Tensor } from "./tensor.js";

/** How a process finds the others; what torchrun puts into the environment. */
export interface Rendezvous {
  /** 0 ≤ rank < worldSize */
  readonly rank: number;
  readonly worldSize: number;
  /** Where the store is that everybody looks into. */
  readonly host: string;
  readonly port: number;
  /** Whether this process holds the store: rank 0, unless a launcher holds it. */
  readonly isServer: boolean;
  readonly backend: "gloo" | "nccl";
  /** How long to wait for the others, at the meeting and in each collective. */
  readonly timeoutMs: number;
  /** Keeps several meetings at one store apart, such as attempts after a restart. */
  readonly prefix?: string;
}

/** How numbers of several processes become one. */
export type ReduceOp = "sum" | "mean" | "max";

/** Why this build has no collectives; empty when it has. */
export function noProcessGroups(): string {
  return addon.noProcessGroups();
}
/** Whether this build can speak NCCL, between CUDA GPUs. */
export function hasNccl(): boolean {
  return addon.hasNccl();
}

/**
 * The processes that compute together. Every process calls the same collectives in the same order; they run on a
 * native thread of their own, and the event loop stays alive. Tensors must be contiguous and stay untouched until the
 * promise settles. Nothing is recorded for backward.
 * A collective that fails rejects with HYFW_NATIVE_COLLECTIVE naming rank, collective and tensor.
 */
export class ProcessGroup {
  private isLeft = false;

  /** @param facts as it was joined; made by `joinGroup` only */
  constructor(readonly facts: Rendezvous) {}

  get rank(): number {
    return this.facts.rank;
  }
  get worldSize(): number {
    return this.facts.worldSize;
  }

  /** Reduces in place: every rank has the result. */
  allReduce(tensor: Tensor, how: ReduceOp = "sum"): Promise<void> {
    return addon.allReduce(tensor.id, how);
  }
  /** @param output [n], gets this rank's part; @param input [worldSize · n] */
  reduceScatter(output: Tensor, input: Tensor, how: ReduceOp = "sum"): Promise<void> {
    return addon.reduceScatter(output.id, input.id, how);
  }
  /** @param output [worldSize · n], in the order of ranks; @param input [n] */
  allGather(output: Tensor, input: Tensor): Promise<void> {
    return addon.allGather(output.id, input.id);
  }
  /** Overwrites the tensor with that of one rank. */
  broadcast(tensor: Tensor, root = 0): Promise<void> {
    return addon.broadcast(tensor.id, root);
  }
  /** Settles once every rank has called it. */
  barrier(): Promise<void> {
    return addon.barrier();
  }

  /** Leaves in good order, when nothing is under way. */
  leave(): void {
    if (this.isLeft) return;
    this.isLeft = true;
    addon.leaveGroup();
  }
  /**
   * Leaves without waiting for what is under way, which may wait for a process that is gone. The process then ends
   * without running libtorch's clean-up, which that thread could still need.
   */
  abandon(): void {
    if (this.isLeft) return;
    this.isLeft = true;
    addon.abandonGroup();
    process.on("exit", (code) => addon.exitNow(code));
  }
}

/**
 * Meets the other processes; once per process.
 * @throws HYFW_NATIVE_COLLECTIVE when they do not come in time, or this build has no collectives
 */
export async function joinGroup(facts: Rendezvous): Promise<ProcessGroup> {
  const missing = noProcessGroups();
  if (missing !== "") throw new NativeError("HYFW_NATIVE_COLLECTIVE", missing);
  const { rank, worldSize, host, port, isServer, backend, timeoutMs, prefix = "hyfw" } = facts;
  await addon.joinGroup(rank, worldSize, host, port, isServer, backend, timeoutMs, prefix);
  return new ProcessGroup(facts);
}
