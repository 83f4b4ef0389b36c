export type * from "./ports.ts";
export type * from "./project.ts";
