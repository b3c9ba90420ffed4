import { readFileSync } from "node:fs";
import { z } from "zod";

const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** Version of @hyfw/core, as its package.json has it; plugins name the range of it that they work with. */
export const CORE_VERSION: string = z.object({ version: z.string() }).parse(manifest).version;
