import { DISK_FAULTS } from "./faults/disk-faults.ts";
import { ENGINE_FAULTS } from "./faults/engine-faults.ts";
import type { Fault } from "./faults/fault.ts";
import { KERNEL_FAULTS } from "./faults/kernel-faults.ts";
import { LOCK } from "./faults/lock-faults.ts";
import { NETWORK_FAULTS } from "./faults/network-faults.ts";
import { PROCESS_FAULTS } from "./faults/process-faults.ts";
import { ROTATE, ROTATE_GOSSIP_KEY, ROTATE_SEAL_KEY } from "./faults/rotation-faults.ts";
import { UPGRADE } from "./faults/upgrade-faults.ts";
import { RELEASES, type Release } from "./world/release.ts";

/** Which kinds of trouble a run has. */
export interface Profile {
  readonly about: string;
  readonly faults: readonly Fault[];
  /** The part of the faults that is on in one seed. */
  readonly part: number;
  /** What happens in each seed. */
  readonly always?: readonly Fault[];
  /** What the hosts' software speaks at first. Default: what this one does. */
  readonly release?: Release;
  /** How far a host's clock may run from the true rate, as a part of it. */
  readonly clockDrift: number;
  /** Default: `overlay` in one seed of three. */
  readonly dataPlane?: "overlay";
  /** Gossip is sealed and opened as on real hosts. Left out: that costs time and hides nothing. */
  readonly sealed?: true;
  /** So many times as often as usual. Default: 1. */
  readonly pace?: number;
}

/** What changes leaders, and what makes them differ in what they have. */
const LEADERS_FALL = [
  "crash",
  "crash in the middle",
  "leaders crash one after the other",
  "pause",
  "host suspended",
  "partition in two parts",
  "disk stall",
  "slow disk",
];

/** What a disk loses for good, as much as the others can make up for. */
const LOST = ["damaged log", "damaged snapshot", "wiped host"];

export const PROFILES = {
  default: {
    about: "everything that goes wrong, some of it in each seed",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS, ...ENGINE_FAULTS, ...KERNEL_FAULTS],
    part: 0.4,
    clockDrift: 0.02,
  },
  calm: { about: "nothing goes wrong", faults: [], part: 0, clockDrift: 0 },
  network: { about: "only the network", faults: NETWORK_FAULTS, part: 0.7, clockDrift: 0 },
  process: { about: "only processes and hosts", faults: PROCESS_FAULTS, part: 0.7, clockDrift: 0.02 },
  disk: {
    about: "disks, and the crashes that bring out what they did",
    faults: [...DISK_FAULTS, ...PROCESS_FAULTS.filter(({ name }) => name.includes("crash"))],
    part: 0.8,
    clockDrift: 0,
  },
  churn: {
    about: "leaders that fall one after the other, and disks that lag",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS].filter(({ name }) => LEADERS_FALL.includes(name)),
    part: 0.8,
    clockDrift: 0.02,
    pace: 4,
  },
  losses: {
    about: "disks that lose what they had, while leaders fall one after the other",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS].filter(({ name }) =>
      [...LEADERS_FALL, ...LOST].includes(name),
    ),
    part: 0.8,
    clockDrift: 0.02,
    pace: 4,
  },
  pauses: {
    about: "processes and hosts that stand still, and go on as if nothing had happened",
    faults: PROCESS_FAULTS.filter(({ name }) => ["pause", "host suspended"].includes(name)),
    part: 1,
    clockDrift: 0.02,
    pace: 4,
  },
  moves: {
    about: "hosts come back at other addresses, also at such that others had before, while processes and networks fail",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS],
    part: 0.2,
    always: PROCESS_FAULTS.filter(({ name }) => name === "address change"),
    clockDrift: 0.02,
    pace: 4,
  },
  upgrade: {
    about:
      "hosts are brought to the next release one after the other, and some of them back, while processes and networks fail",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS],
    part: 0.3,
    always: [UPGRADE],
    release: RELEASES.previous,
    clockDrift: 0.02,
  },
  overlay: {
    about: "clusters of the overlay, whose kernels, engines, networks and processes fail",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...ENGINE_FAULTS],
    part: 0.3,
    always: KERNEL_FAULTS,
    dataPlane: "overlay",
    clockDrift: 0.02,
  },
  locks: {
    about:
      "what managers have on their disks is sealed with one key after the other, while processes, disks and networks fail",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS],
    part: 0.3,
    always: [LOCK],
    clockDrift: 0.02,
  },
  roots: {
    about: "one root of the cluster takes the other's place, while processes, disks and networks fail",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS],
    part: 0.3,
    always: [ROTATE],
    clockDrift: 0.02,
  },
  keys: {
    about: "gossip and secrets are sealed with one key after the other, while processes, disks and networks fail",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS],
    part: 0.3,
    always: [ROTATE_GOSSIP_KEY, ROTATE_SEAL_KEY],
    sealed: true,
    clockDrift: 0.02,
  },
  engine: { about: "only engines and containers", faults: ENGINE_FAULTS, part: 0.7, clockDrift: 0 },
  storm: {
    about: "all of it at once",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS, ...ENGINE_FAULTS, ...KERNEL_FAULTS],
    part: 1,
    clockDrift: 0.05,
  },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;
export const isProfileName = (name: string): name is ProfileName => Object.hasOwn(PROFILES, name);
