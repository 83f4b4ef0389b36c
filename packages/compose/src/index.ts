export { loadProject, type LoadOptions } from "./load-project.ts";
export type * from "./ports.ts";
export type * from "./project.ts";
