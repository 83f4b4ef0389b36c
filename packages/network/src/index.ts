export {
  openDataPlane,
  type DataPlane,
  type DataPlaneOptions,
  type DataPlaneStats,
  type Difference,
} from "./data-plane.ts";
export { DnsServer } from "./dns/server.ts";
export { runProxyWorker } from "./workers/proxy-worker.ts";
export type { ListenerStatus } from "./listener-status.ts";
export { openOverlayPlane, overlayPlaneOf, type OverlayPlaneOptions } from "./overlay-plane.ts";
export type { Attachment, OverlayPlane } from "./overlay-plane/plane-port.ts";
export { removeOverlay } from "./overlay-plane/remove-overlay.ts";
export type { OverlayHost, OverlayParts } from "./overlay-plane/overlay-parts.ts";
export type { BridgeMaker, BridgeOptions } from "./overlay-plane/bridge-book.ts";
export type { LocalNetwork } from "./overlay-plane/needed-networks.ts";
export { machineSubnets } from "./overlay-plane/host-subnets.ts";
export { bridgeOf, mtuOf } from "./overlay-plane/overlay-state.ts";
export { macOf } from "./overlay/address.ts";
export { systemCommands, type Commands } from "./overlay/kernel/commands.ts";
export type { Kernel } from "./overlay/kernel/kernel.ts";
export { Overlay } from "./overlay/kernel/overlay.ts";
export { HOST, keyOf, vxlanName, type KernelObject, type KernelState } from "./overlay/kernel-object.ts";
export { SimulatedKernel, type EngineSide } from "./overlay/simulated-kernel.ts";
