import { type PackRequest, pack } from "./pack.js";

// Packs, and dies without any cleaning up at the step that is asked for.
const [request = "{}", step = "1"] = process.argv.slice(2);
let left = Number(step);
await pack({
  ...(JSON.parse(request) as PackRequest),
  onStep: () => {
    if (--left === 0) process.kill(process.pid, "SIGKILL");
  },
});
