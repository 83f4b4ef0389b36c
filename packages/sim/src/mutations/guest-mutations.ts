import type { Mutation } from "./mutation.ts";
import { ATTACHABLE_EVERYWHERE } from "./settings.ts";

const NODE = "packages/node/src";

/** Containers that somebody runs by hand in the cluster's networks. */
export const GUEST_MUTATIONS: readonly Mutation[] = [
  {
    name: "guests-of-all-nodes-share-a-range",
    defect: "each engine gives addresses of the same range, in place of its node's share",
    changes: [
      {
        file: `${NODE}/cluster-bridges.ts`,
        original: "range: share?.ipv4 ?? `${ipv4.gateway}/32` },",
        mutant: "range: ipv4.byHand ?? `${ipv4.gateway}/32` },",
      },
    ],
    setting: ATTACHABLE_EVERYWHERE,
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "last-guest-that-goes-is-not-told",
    defect: "a node that has no guests any more doesn't tell the others, and their names stay",
    changes: [
      {
        file: `${NODE}/guest-desk.ts`,
        original: "    if (JSON.stringify(guests) === JSON.stringify(this.#own)) return;",
        mutant: "    if (guests.length === 0 || JSON.stringify(guests) === JSON.stringify(this.#own)) return;",
      },
    ],
    setting: ATTACHABLE_EVERYWHERE,
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "restarted-node-not-told-of-guests",
    defect: "a node whose daemon was restarted hears of others' guests only when they change",
    changes: [
      {
        file: `${NODE}/guest-desk.ts`,
        original: "    scope.use(transport.onPeerUp((id) => this.#tellAnew(id)));",
        mutant: "    void this.#tellAnew.bind(this);",
      },
      {
        file: `${NODE}/guest-desk.ts`,
        original: "      else this.#told.delete(id);",
        mutant: "",
      },
    ],
    setting: ATTACHABLE_EVERYWHERE,
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "network-with-guests-removed",
    defect: "a network is removed while a container is in it that isn't a task's",
    changes: [
      {
        file: "packages/api/src/http/refuse-with-guests.ts",
        original: "    if (guest === undefined) return;",
        mutant: "    if (guest === undefined || name !== guest.ipv4) return;",
      },
    ],
    setting: ATTACHABLE_EVERYWHERE,
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "network-of-former-node-kept",
    defect: "a host that was wiped keeps an attachable network of the node that it was, with that node's share",
    changes: [
      {
        file: `${NODE}/overlay-networks.ts`,
        original:
          "    const isAnyNew = await bridges.replaceFormer(needed, { ...options, known: () => plane.known() });",
        mutant: "    const isAnyNew = false;",
      },
    ],
    setting: ATTACHABLE_EVERYWHERE,
    profile: "losses",
    nodes: 3,
  },
];
