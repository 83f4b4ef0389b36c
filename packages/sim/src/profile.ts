import { DISK_FAULTS } from "./faults/disk-faults.ts";
import { ENGINE_FAULTS } from "./faults/engine-faults.ts";
import type { Fault } from "./faults/fault.ts";
import { NETWORK_FAULTS } from "./faults/network-faults.ts";
import { PROCESS_FAULTS } from "./faults/process-faults.ts";

/** Which kinds of trouble a run has. */
export interface Profile {
  readonly about: string;
  readonly faults: readonly Fault[];
  /** The part of the faults that is on in one seed. */
  readonly part: number;
  /** How far a host's clock may run from the true rate, as a part of it. */
  readonly clockDrift: number;
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

export const PROFILES = {
  default: {
    about: "everything that goes wrong, some of it in each seed",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS, ...ENGINE_FAULTS],
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
  engine: { about: "only engines and containers", faults: ENGINE_FAULTS, part: 0.7, clockDrift: 0 },
  storm: {
    about: "all of it at once",
    faults: [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS, ...ENGINE_FAULTS],
    part: 1,
    clockDrift: 0.05,
  },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;
export const isProfileName = (name: string): name is ProfileName => Object.hasOwn(PROFILES, name);
