import { shown } from "../problem.ts";
import { objectAt } from "../tree.ts";
import { listOf, object, oneAsList, setOf } from "./collections.ts";
import { configs, models, networks, secrets, volumes } from "./resource.ts";
import { service } from "./service.ts";
import { NAMES, type ListShape, type MapShape, type ObjectShape } from "./shape.ts";
import { loose, path } from "./values.ts";

const paths: ListShape = { ...setOf(path), long: oneAsList };

const include: ListShape = {
  ...listOf(object({ path: paths, env_file: paths, project_directory: path }, { required: ["path"] })),
  expand: (item) =>
    item.kind === "scalar" && typeof item.value === "string" ? [objectAt({ path: item }, item.place)] : [item],
};

const services: MapShape = { kind: "map", values: service, names: NAMES };

/** A Compose file. */
export const application: ObjectShape = object({
  version: loose,
  name: {
    kind: "text",
    check: (given) =>
      /^[a-z0-9][a-z0-9_-]*$/.test(given)
        ? undefined
        : `small letters, digits, dashes and underscores are expected, a letter or digit first, not ${shown(given)}`,
  },
  include,
  services,
  networks,
  volumes,
  configs,
  secrets,
  models,
});
