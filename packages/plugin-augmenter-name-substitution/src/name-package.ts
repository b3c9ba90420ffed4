import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { z } from "@hyfw/core";
import semver from "semver";
import { namePackage } from "./errors.js";

/** A table that an installed package holds. */
export interface NamePackage {
  readonly file: string;
  /** `hyfw-names-vocaloid 1.2.0` */
  readonly label: string;
}

const PackageJson = z.object({
  version: z.string(),
  hyfw: z.object({ names: z.string().optional() }).optional(),
});

/** Files that are looked for where package.json names none. */
const USUAL_FILES = ["names.csv", "names.json"];

/**
 * Finds the table of an npm package, from the working directory first.
 * @param spec name@range, for example `hyfw-names-vocaloid@^1.2.0`
 * @throws HYFW_NAME_PACKAGE
 */
export function findNamePackage(spec: string, cwd: string = process.cwd()): NamePackage {
  const at = spec.lastIndexOf("@");
  const [name, range] = at > 0 ? [spec.slice(0, at), spec.slice(at + 1)] : [spec, ""];
  if (semver.validRange(range) === null || range === "")
    throw namePackage(spec, "it names no range of versions", `write for example ${name}@^1.0.0`);
  const places = [join(cwd, "package.json"), import.meta.url].flatMap(
    (from) => createRequire(from).resolve.paths(name) ?? [],
  );
  const folder = places
    .map((place) => join(place, name))
    .find((dir) => existsSync(join(dir, "package.json")));
  if (folder === undefined) throw namePackage(spec, "it is not installed", `npm install ${spec}`);
  let found: z.output<typeof PackageJson>;
  try {
    found = PackageJson.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  } catch (cause) {
    throw namePackage(spec, "its package.json cannot be read", `npm install ${spec}`, cause);
  }
  if (!semver.satisfies(found.version, range))
    throw namePackage(
      spec,
      `version ${found.version} is installed`,
      `npm install ${spec}, or widen the range`,
    );
  const named = found.hyfw?.names;
  const files = (named === undefined ? USUAL_FILES : [named]).map((file) => join(folder, file));
  const file = files.find((one) => existsSync(one) && !relative(folder, one).startsWith(".."));
  if (file === undefined)
    throw namePackage(
      spec,
      `it has no table: looked for ${(named === undefined ? USUAL_FILES : [named]).join(", ")}`,
      'name the file in its package.json: "hyfw": { "names": "names.csv" }',
    );
  return { file, label: `${name} ${found.version}` };
}
