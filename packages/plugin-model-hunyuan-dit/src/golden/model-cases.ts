import type { GoldenCase } from "../golden.js";
export async function* modelCases(_folder: string): AsyncGenerator<GoldenCase> {}
