import { placementInvalid } from "../errors/world.js";

/** Where one process stands among those that train together, and how it finds them. */
export interface Placement {
  readonly rank: number;
  readonly worldSize: number;
  /** Number of the process on its machine; chooses the GPU. */
  readonly localRank: number;
  readonly localWorldSize: number;
  /** Where the store is that all look into. */
  readonly host: string;
  readonly port: number;
  /** Whether the launcher holds the store, as torchrun's agent can; otherwise rank 0 does. */
  readonly storeIsElsewhere: boolean;
  /** Number of the attempt, counted by whoever restarts; processes of different attempts must not meet. */
  readonly attempt: number;
  /** What the environment was read as. */
  readonly from: "hyfw" | "torchrun" | "srun" | "environment";
}

type Env = Readonly<Record<string, string | undefined>>;

/** Port that PyTorch's launchers take when nobody says. */
const DEFAULT_PORT = 29_500;

/**
 * Reads where this process stands from the environment: as hyfw's own launcher, torchrun and the PyTorchJob operator
 * set it, or SLURM's srun. `undefined` for a process that is alone.
 * @throws HYFW_WORLD_SETTING when it is incomplete or contradicts itself
 */
export function readPlacement(env: Env): Placement | undefined {
  if (env.RANK !== undefined && env.WORLD_SIZE !== undefined) return fromTorch(env);
  if (env.SLURM_PROCID !== undefined && env.SLURM_STEP_ID !== undefined) return fromSlurm(env);
  return undefined;
}

function fromTorch(env: Env): Placement | undefined {
  const worldSize = whole(env, "WORLD_SIZE", 1);
  const rank = whole(env, "RANK", 0);
  if (rank >= worldSize)
    throw placementInvalid("its rank lies outside", `RANK=${rank}, WORLD_SIZE=${worldSize}`);
  if (worldSize === 1) return undefined;
  // A PyTorchJob has one process per pod and no local numbers.
  const localRank = env.LOCAL_RANK === undefined ? 0 : whole(env, "LOCAL_RANK", 0);
  const localWorldSize = env.LOCAL_WORLD_SIZE === undefined ? 1 : whole(env, "LOCAL_WORLD_SIZE", 1);
  if (env.MASTER_ADDR === undefined)
    throw placementInvalid("MASTER_ADDR is missing", `RANK=${rank}, WORLD_SIZE=${worldSize}`);
  return {
    rank,
    worldSize,
    localRank,
    localWorldSize: Math.max(localWorldSize, localRank + 1),
    host: env.MASTER_ADDR,
    port: env.MASTER_PORT === undefined ? DEFAULT_PORT : whole(env, "MASTER_PORT", 1),
    storeIsElsewhere: /^true$/i.test(env.TORCHELASTIC_USE_AGENT_STORE ?? ""),
    attempt: env.TORCHELASTIC_RESTART_COUNT === undefined ? 0 : whole(env, "TORCHELASTIC_RESTART_COUNT", 0),
    from:
      env.HYFW_LAUNCHED !== undefined
        ? "hyfw"
        : env.TORCHELASTIC_RUN_ID !== undefined
          ? "torchrun"
          : "environment",
  };
}

function fromSlurm(env: Env): Placement | undefined {
  const worldSize = whole(
    env,
    env.SLURM_STEP_NUM_TASKS === undefined ? "SLURM_NTASKS" : "SLURM_STEP_NUM_TASKS",
    1,
  );
  if (worldSize === 1) return undefined;
  const rank = whole(env, "SLURM_PROCID", 0);
  const localRank = whole(env, "SLURM_LOCALID", 0);
  const nodes = env.SLURM_STEP_NODELIST ?? env.SLURM_JOB_NODELIST ?? "";
  const host = env.MASTER_ADDR ?? firstNode(nodes);
  if (host === "") throw placementInvalid("SLURM names no node", `SLURM_STEP_NODELIST=${nodes}`);
  return {
    rank,
    worldSize,
    localRank,
    localWorldSize: tasksOnNode(env, localRank),
    host,
    port: env.MASTER_PORT === undefined ? portOfJob(env) : whole(env, "MASTER_PORT", 1),
    storeIsElsewhere: false,
    attempt: env.SLURM_RESTART_COUNT === undefined ? 0 : whole(env, "SLURM_RESTART_COUNT", 0),
    from: "srun",
  };
}

/** The first name of a node list: `gpu[03-05,9],login` is gpu03. */
export function firstNode(list: string): string {
  const [first = ""] = list.split(/,(?![^[]*\])/);
  const parts = /^([^[]*)\[([^\]]*)\](.*)$/.exec(first);
  if (parts === null) return first.trim();
  const [, head = "", numbers = "", tail = ""] = parts;
  return `${head}${numbers.split(/[-,]/, 1)[0] ?? ""}${tail}`.trim();
}

/** Tasks on this node from `2(x3),1`: the entry of SLURM_NODEID. */
function tasksOnNode(env: Env, localRank: number): number {
  const text = env.SLURM_STEP_TASKS_PER_NODE ?? env.SLURM_TASKS_PER_NODE ?? "";
  const perNode = text.split(",").flatMap((part) => {
    const found = /^(\d+)(?:\(x(\d+)\))?$/.exec(part);
    return found === null ? [] : Array<number>(Number(found[2] ?? 1)).fill(Number(found[1]));
  });
  return Math.max(perNode[Number(env.SLURM_NODEID ?? 0)] ?? 1, localRank + 1);
}

/** A port that every task of a job finds by itself and that two jobs on one node rarely share. */
function portOfJob(env: Env): number {
  return 20_000 + (Number.parseInt(env.SLURM_JOB_ID ?? "0", 10) % 10_000);
}

function whole(env: Env, name: string, least: number): number {
  const text = env[name] ?? "";
  const number = Number(text);
  if (text.trim() === "" || !Number.isInteger(number) || number < least)
    throw placementInvalid(
      `${name} is no whole number of at least ${least}`,
      `${name}=${JSON.stringify(text)}`,
    );
  return number;
}
