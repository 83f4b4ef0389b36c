import type { FieldChange, Service, ServiceSpec } from "@murmur/api";
import type { ServiceWish } from "./convert/stack-wish.ts";

/** What is done about a service. */
export type ServiceStep =
  | { readonly kind: "create"; readonly wish: ServiceWish; readonly spec: ServiceSpec }
  | {
      readonly kind: "update";
      readonly wish: ServiceWish;
      readonly spec: ServiceSpec;
      readonly service: Service;
      readonly changes: readonly FieldChange[];
    }
  | { readonly kind: "keep"; readonly wish: ServiceWish; readonly service: Service };
