import { findNodeNetwork, type Service, type ServiceId, type ServiceSpec } from "@murmur/model";
import type { View } from "@murmur/store";
import { toServiceSpec } from "../docker/service-spec.ts";
import { findNetwork } from "./lookup.ts";
import { payloadsIn } from "./payload-routes.ts";
import { inventName } from "./service-name.ts";

/** The spec of a service that a request's body makes. Errors: `invalid_argument`, `not_found`. */
export const newSpecOf = (body: unknown, view: View, id: ServiceId): ServiceSpec =>
  toServiceSpec(body, {
    ...referencesIn(view),
    newName: () => inventName(id, (name) => view.serviceByName(name) !== undefined),
  });

/** The spec that a request's body gives a service that there is. Errors: `invalid_argument`, `not_found`. */
export const specOf = (body: unknown, view: View, { spec }: Service): ServiceSpec =>
  toServiceSpec(body, { ...referencesIn(view), newName: () => spec.name, previous: spec });

const referencesIn = (view: View) => ({
  findNetwork: (text: string) => (findNodeNetwork(text) ?? findNetwork(view, text)).id,
  findPayload: payloadsIn(view),
  dataPlane: view.cluster()?.dataPlane ?? "ports",
});
