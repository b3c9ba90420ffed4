import t from "tap";
import { orderFrom } from "./launch-options.js";
import { firstNode, readPlacement } from "./placement.js";

t.test("a process without such variables is alone", async (t) => {
  t.equal(readPlacement({}), undefined);
  t.equal(readPlacement({ RANK: "0", WORLD_SIZE: "1" }), undefined);
  t.equal(
    readPlacement({ SLURM_PROCID: "0", SLURM_JOB_ID: "3" }),
    undefined,
    "a batch script is no step of srun",
  );
});

t.test("torchrun's variables", async (t) => {
  const env = {
    ...{ RANK: "9", WORLD_SIZE: "16", LOCAL_RANK: "1", LOCAL_WORLD_SIZE: "8" },
    ...{ MASTER_ADDR: "gpu0", MASTER_PORT: "4711", TORCHELASTIC_RUN_ID: "x" },
    ...{ TORCHELASTIC_USE_AGENT_STORE: "True", TORCHELASTIC_RESTART_COUNT: "2" },
  };
  t.match(readPlacement(env), {
    ...{ rank: 9, worldSize: 16, localRank: 1, localWorldSize: 8, host: "gpu0", port: 4711 },
    ...{ storeIsElsewhere: true, attempt: 2, from: "torchrun" },
  });
});

t.test("a PyTorchJob has one process per pod", async (t) => {
  const env = { RANK: "1", WORLD_SIZE: "4", MASTER_ADDR: "job-master-0", MASTER_PORT: "23456" };
  t.match(readPlacement(env), {
    rank: 1,
    worldSize: 4,
    localRank: 0,
    localWorldSize: 1,
    from: "environment",
  });
  t.match(orderFrom({ nproc: 8, maxRestarts: 0 }, env), {
    ...{ nproc: 8, nnodes: 4, nodeRank: 1, host: "job-master-0", port: 23456 },
  });
});

t.test("srun's variables", async (t) => {
  const env = {
    ...{ SLURM_STEP_ID: "0", SLURM_JOB_ID: "123456", SLURM_PROCID: "11", SLURM_LOCALID: "3" },
    ...{ SLURM_STEP_NUM_TASKS: "16", SLURM_STEP_TASKS_PER_NODE: "8(x2)", SLURM_NODEID: "1" },
    SLURM_STEP_NODELIST: "gpu[03-04]",
  };
  t.match(readPlacement(env), {
    ...{ rank: 11, worldSize: 16, localRank: 3, localWorldSize: 8, host: "gpu03", port: 23456, from: "srun" },
  });
  for (const [list, first] of [
    ["gpu[03-05,9],login", "gpu03"],
    ["a1,a2", "a1"],
    ["rack[2-3]-n[1-4]", "rack2-n[1-4]"],
    ["single", "single"],
  ] as const)
    t.equal(firstNode(list), first, list);
});

t.test("an environment that contradicts itself is refused", async (t) => {
  for (const env of [
    { RANK: "2", WORLD_SIZE: "2", MASTER_ADDR: "a" },
    { RANK: "0", WORLD_SIZE: "two", MASTER_ADDR: "a" },
    { RANK: "0", WORLD_SIZE: "2" },
  ])
    t.throws(() => readPlacement(env), { code: "HYFW_WORLD_SETTING" }, JSON.stringify(env));
});

t.test("the launcher's flags", async (t) => {
  const more = { maxRestarts: 0 };
  t.equal(orderFrom(more, {}), undefined, "none: this process trains");
  t.equal(orderFrom({ nproc: 1, ...more }, {}), undefined);
  t.match(orderFrom({ nproc: 8, ...more }, {}), { nproc: 8, nnodes: 1, host: "127.0.0.1", port: undefined });
  t.match(orderFrom({ nproc: 1, maxRestarts: 2 }, {}), { nproc: 1, maxRestarts: 2 }, "one, watched over");
  const two = { nproc: 8, nnodes: 2, ...more };
  t.throws(() => orderFrom(two, {}), { code: "HYFW_LAUNCH_USAGE", message: /--master-addr is missing/ });
  t.throws(() => orderFrom({ ...two, masterAddr: "a" }, {}), { message: /--node-rank is missing/ });
  t.throws(() => orderFrom({ ...two, masterAddr: "a", nodeRank: 2 }, {}), { message: /counted from 0/ });
  t.match(orderFrom({ ...two, masterAddr: "a", nodeRank: 1 }, {}), { nodeRank: 1, host: "a", port: 29500 });
  t.throws(
    () =>
      orderFrom({ nproc: 2, ...more }, { HYFW_LAUNCHED: "1", RANK: "0", WORLD_SIZE: "2", MASTER_ADDR: "a" }),
    {
      code: "HYFW_LAUNCH_USAGE",
    },
  );
});
