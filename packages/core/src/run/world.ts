import {
  cudaDevices,
  fromTypedArray,
  hasNccl,
  joinGroup,
  noProcessGroups,
  type ProcessGroup,
  type ReduceOp,
  tensor,
} from "@hyfw/native";
import { HyfwError } from "../define-error.js";
import { peerFailed, worldDiffers, worldUnavailable } from "../errors/world.js";
import { type Placement, readPlacement } from "../launch/placement.js";
import type { Settings } from "../settings/schema.js";

/** The processes that train together, seen from one of them. A process that is alone is a world of one. */
export class World {
  /** Absent in a world of one. */
  readonly group: ProcessGroup | undefined;
  readonly rank: number;
  readonly worldSize: number;
  readonly localRank: number;
  readonly localWorldSize: number;

  constructor(
    placement?: Pick<Placement, "localRank" | "localWorldSize">,
    group?: ProcessGroup,
    worldSize = group?.worldSize ?? 1,
  ) {
    this.group = group;
    this.rank = group?.rank ?? 0;
    this.worldSize = worldSize;
    this.localRank = placement?.localRank ?? 0;
    this.localWorldSize = placement?.localWorldSize ?? 1;
  }

  /** A world that is only planned for: one process that counts for many. */
  static planned(worldSize: number): World {
    return new World(undefined, undefined, worldSize);
  }

  /** Whether this process owns the terminal, the files and the pictures. */
  get isFirst(): boolean {
    return this.rank === 0;
  }

  /**
   * What rank 0 makes, given to all as JSON.
   * @throws HYFW_WORLD_PEER on the others when rank 0 fails
   */
  async share<Value>(make: () => Value | Promise<Value>): Promise<Value> {
    if (this.group === undefined) return make();
    if (!this.isFirst) return this.receive<Value>();
    try {
      const value = await make();
      await this.send({ value });
      return value;
    } catch (fault) {
      await this.send({ fault: fault instanceof HyfwError ? fault.summary : String(fault) });
      throw fault;
    }
  }

  /** Numbers of all processes, reduced one by one; the same everywhere. */
  async reduce(numbers: readonly number[], how: ReduceOp): Promise<number[]> {
    if (this.group === undefined) return [...numbers];
    const device = this.group.facts.backend === "nccl" ? (`cuda:${this.localRank}` as const) : "cpu";
    const all = tensor(numbers, [numbers.length], { dtype: "float64", device }).keep();
    try {
      await this.group.allReduce(all, how);
      return all.toArray();
    } finally {
      all.dispose();
    }
  }

  /** Settles once every process has called it. */
  async meet(): Promise<void> {
    await this.group?.barrier();
  }

  /** Leaves the others. @param hasFailed when something may still be under way that will never end */
  leave(hasFailed: boolean): void {
    if (hasFailed) this.group?.abandon();
    else this.group?.leave();
  }

  private async send(message: object): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(message));
    await this.reduce([bytes.length], "max");
    await this.broadcastBytes(new Uint8Array(bytes));
  }

  private async receive<Value>(): Promise<Value> {
    const [length = 0] = await this.reduce([0], "max");
    const bytes = await this.broadcastBytes(new Uint8Array(length));
    const message: { value?: Value; fault?: string } = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (message.fault !== undefined) throw peerFailed(this.rank, `rank 0 says: ${message.fault}`);
    // What rank 0 gave may be undefined, which JSON leaves out.
    return message.value as Value;
  }

  private async broadcastBytes(bytes: Uint8Array): Promise<Uint8Array> {
    const { group } = this;
    if (group === undefined) return bytes;
    const host = fromTypedArray(bytes).keep();
    const all = group.facts.backend === "nccl" ? host.to({ device: `cuda:${this.localRank}` }).keep() : host;
    try {
      await group.broadcast(all);
      const sent = all.toTypedArray();
      return new Uint8Array(sent.buffer, sent.byteOffset, sent.byteLength);
    } finally {
      all.dispose();
      host.dispose();
    }
  }
}

/** A world of one. */
export const ALONE = new World();

/**
 * Meets the processes that the environment names, over NCCL where all tensors will lie on GPUs, else over Gloo.
 * @param settings the run's; every process must have the same, which `hash` stands for
 * @throws HYFW_WORLD_*
 */
export async function joinWorld(
  env: Readonly<Record<string, string | undefined>>,
  { device, collectiveTimeout }: Settings["run"],
  hash: string,
): Promise<World> {
  const placement = readPlacement(env);
  if (placement === undefined) return new World();
  const { rank, worldSize, host, port, storeIsElsewhere, attempt } = placement;
  const missing = noProcessGroups();
  if (missing !== "")
    throw worldUnavailable(`${worldSize} processes cannot train together: ${missing}`, undefined);
  const backend = device !== "cpu" && cudaDevices() > 0 && hasNccl() ? "nccl" : "gloo";
  const isServer = rank === 0 && !storeIsElsewhere;
  const timeoutMs = collectiveTimeout * 1000;
  const facts = {
    rank,
    worldSize,
    host,
    port,
    isServer,
    backend,
    timeoutMs,
    prefix: `hyfw-${attempt}`,
  } as const;
  try {
    const world = new World(placement, await joinGroup(facts));
    const first = await world.share(() => hash);
    const [differs = 0] = await world.reduce([first === hash ? 0 : rank], "max");
    if (differs > 0) throw worldDiffers(differs, "settings");
    return world;
  } catch (cause) {
    if (cause instanceof HyfwError) throw cause;
    throw worldUnavailable(cause instanceof Error ? cause.message : String(cause), cause);
  }
}
