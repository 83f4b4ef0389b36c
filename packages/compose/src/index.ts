export { loadProfiles, loadProject, type LoadOptions } from "./load-project.ts";
export type * from "./ports.ts";
export type * from "./project.ts";
export { projectText, type ProjectFormat } from "./write/project-text.ts";
