export {
  openDataPlane,
  type DataPlane,
  type DataPlaneOptions,
  type DataPlaneStats,
  type Difference,
} from "./data-plane.ts";
export type { ListenerStatus } from "./listener-status.ts";
export {
  openOverlayPlane,
  removeOverlay,
  type Attachment,
  type OverlayPlane,
  type OverlayPlaneOptions,
} from "./overlay-plane.ts";
export type { BridgeMaker } from "./overlay-plane/bridge-book.ts";
export { machineSubnets } from "./overlay-plane/host-subnets.ts";
export { bridgeOf, mtuOf } from "./overlay-plane/overlay-state.ts";
export { macOf } from "./overlay/address.ts";
export { systemCommands, type Commands } from "./overlay/kernel/commands.ts";
