import { FIRST_INGRESS, type Network, type PortConfig } from "@murmur/model";
import { refused, type Refusal } from "./result.ts";
import type { View } from "./view.ts";

type IngressView = Pick<View, "cluster" | "networks">;

/**
 * The cluster's ingress network: the one that somebody made, else the one that was there from the beginning. Undefined when
 * that was removed, and outside a cluster.
 */
export function ingressNetwork(view: IngressView): Network | undefined {
  const made = view.networks().find(({ spec }) => spec.ingress === true);
  const cluster = view.cluster();
  if (made !== undefined || cluster === undefined || cluster.firstIngressRemoved === true) return made;
  const { id, name } = FIRST_INGRESS;
  const spec = { name, labels: {}, attachable: false, internal: false, ingress: true };
  return { id, spec, createdAt: cluster.createdAt, version: 0 };
}

/** Docker's words for a port that nobody may publish any more. */
export function missingIngress(view: IngressView, ports: readonly PortConfig[]): Refusal | undefined {
  if (!ports.some(({ mode }) => mode === "ingress") || ingressNetwork(view) !== undefined) return undefined;
  return refused(
    "failed_precondition",
    "service needs ingress network, but no ingress network is present: make one with " +
      "network create --ingress --driver overlay NAME, or publish in mode host",
  );
}
