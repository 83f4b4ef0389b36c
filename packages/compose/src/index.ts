export { loadProfiles, loadProject, type LoadOptions } from "./load-project.ts";
export type * from "./ports.ts";
export type * from "./project.ts";
export { projectText, type ProjectFormat } from "./write/project-text.ts";

/* What readers of other formats read with: values with their places, shapes to check them by, words for mistakes. */
export { didYouMean } from "./nearest-name.ts";
export { fileProblem, problem, shown, type Place } from "./problem.ts";
export { defined, Fields, textOf } from "./read/fields.ts";
export { canonical } from "./schema/canonical.ts";
export { complete } from "./schema/complete.ts";
export type { ListShape, MapShape, NumberShape, ObjectShape, Shape, TextShape } from "./schema/shape.ts";
export type { Mapping, Tree } from "./tree.ts";
export { decodeUtf8, encodeUtf8 } from "./utf8.ts";
export { parseYaml } from "./yaml-tree.ts";
