export {
  openDataPlane,
  type DataPlane,
  type DataPlaneOptions,
  type DataPlaneStats,
  type Difference,
} from "./data-plane.ts";
export type { ListenerStatus } from "./listener-status.ts";
