import { noGrad, type Tensor } from "@hyfw/native";
import { type LoadFaults, loadMismatch, nameTaken } from "./errors.js";
import type { Init } from "./init.js";
import { nearestName } from "./nearest-name.js";
import { type Birth, Parameter, type ParameterTraits } from "./parameter.js";

/** The place of a module in the tree: its dotted path, and where its parameters are born. */
export interface Place extends Birth {
  /** Empty for the root. */
  readonly path: string;
}

/** The place of a child. @param name may hold dots, where the model file names a level that has no module here */
export function within(place: Place, name: string): Place {
  return { ...place, path: place.path === "" ? name : `${place.path}.${name}` };
}

const LINEAR: ParameterTraits = { decays: true, castable: true };
const LINEAR_BIAS: ParameterTraits = { decays: false, castable: true };
const EXEMPT: ParameterTraits = { decays: false, castable: false };

/** Usual traits: weights and biases of linear layers and convolutions, and everything that is exempt from both. */
export const TRAITS = { linear: LINEAR, linearBias: LINEAR_BIAS, exempt: EXEMPT } as const;

/** What `Module.load` may leave open. */
export interface LoadOptions {
  /** Whether names that only one side has are an error; shapes that differ always are. */
  readonly strict?: boolean;
}

/**
 * Parameters and child modules under their names in the model file, and nothing else: no state, no registration by
 * reflection. Order of registration is order in the file.
 */
export abstract class Module {
  private readonly members: (Parameter | Module)[] = [];

  constructor(readonly place: Place) {}

  /** Makes a parameter of this module. */
  protected parameter(
    name: string,
    shape: readonly number[],
    init: Init,
    traits: ParameterTraits = EXEMPT,
  ): Parameter {
    const made = new Parameter(within(this.place, name).path, shape, init, this.place, traits);
    this.members.push(made);
    return made;
  }
  /** Registers a module that was made at a place within this one. */
  protected child<Child extends Module>(module: Child): Child {
    this.members.push(module);
    return module;
  }

  /** All parameters of the tree in order of registration. @throws HYFW_NN_NAME when two share a name */
  parameters(): Parameter[] {
    const all = this.collect();
    const names = new Set<string>();
    for (const { name } of all) {
      if (names.has(name)) throw nameTaken(name);
      names.add(name);
    }
    return all;
  }
  private collect(): Parameter[] {
    return this.members.flatMap((member) => (member instanceof Parameter ? [member] : member.collect()));
  }
  /** This module and all below it, parents first. */
  *modules(): Generator<Module> {
    yield this;
    for (const member of this.members) if (member instanceof Module) yield* member.modules();
  }
  /**
   * Copies arrays into the parameters' storage, converting element types.
   * @returns the names that only one side has, when not strict
   * @throws HYFW_NN_LOAD listing what is missing, unexpected and misshapen, each with the nearest name; nothing is copied then
   */
  load(tensors: Readonly<Record<string, Tensor>>, { strict = true }: LoadOptions = {}): LoadFaults {
    const parameters = this.parameters();
    const faults = compareNames(parameters, tensors);
    if (faults.misshapen.length > 0 || (strict && faults.missing.length + faults.unexpected.length > 0))
      throw loadMismatch(faults);
    noGrad(() => {
      for (const { name, storage } of parameters) {
        const source = tensors[name];
        if (source !== undefined) storage.copy_(source);
      }
    });
    return faults;
  }
  /** Frees every parameter. */
  dispose(): void {
    for (const parameter of this.parameters()) parameter.dispose();
  }
}

/** What named arrays lack or have too much of, compared with parameters. */
export function compareNames(
  parameters: readonly Pick<Parameter, "name" | "shape">[],
  tensors: Readonly<Record<string, { readonly shape: readonly number[] }>>,
): LoadFaults {
  const offered = Object.keys(tensors);
  const known = new Set(parameters.map(({ name }) => name));
  const unused = offered.filter((name) => !known.has(name));
  const unfilled = parameters.map(({ name }) => name).filter((name) => !Object.hasOwn(tensors, name));
  const misshapen = parameters.flatMap(({ name, shape }) => {
    const found = tensors[name]?.shape;
    return found === undefined || found.join() === shape.join() ? [] : [{ name, expected: shape, found }];
  });
  return {
    missing: unfilled.map((name) => ({ name, near: nearestName(name, unused) })),
    unexpected: unused.map((name) => ({ name, near: nearestName(name, unfilled) })),
    misshapen,
  };
}
