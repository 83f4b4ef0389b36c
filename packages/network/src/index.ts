export { openDataPlane, type DataPlane, type DataPlaneOptions, type DataPlaneStats } from "./data-plane.ts";
export type { ListenerStatus } from "./listener-status.ts";
