import { DYNAMIC_PORTS, type PortConfig, type Service, type ServiceId } from "@murmur/model";
import { refused, type Refusal } from "./result.ts";
import type { State } from "./state.ts";

/**
 * Gives each `ingress` port of a spec its number: the one that the user named, if nobody else holds it, else the one
 * that the manager chose for it before, else the lowest free one of `DYNAMIC_PORTS`. The result has the spec's order.
 */
export function choosePorts(
  state: State,
  id: ServiceId,
  wanted: readonly PortConfig[],
  previous?: Service,
): readonly PortConfig[] | Refusal {
  const unfit = notCarried(state, wanted);
  if (unfit !== undefined) return unfit;
  const used = new Set<string>();
  for (const port of wanted.filter(({ publishedPort }) => publishedPort > 0)) {
    const holder = state.ports.holder(port, id);
    if (holder !== undefined) return conflict(state, port, holder);
    used.add(keyOf(port, port.publishedPort));
  }
  const before = previous === undefined ? [] : chosenBefore(previous);
  const ports: PortConfig[] = [];
  for (const port of wanted) {
    if (port.publishedPort > 0 || port.mode === "host") {
      ports.push(port);
      continue;
    }
    const number = takeBefore(before, port, used) ?? lowestFree(state, port, used, id);
    if (number === undefined) {
      const { first, last } = DYNAMIC_PORTS;
      return refused(
        "port_conflict",
        `no ${port.protocol} port from ${first} to ${last} is free; name a published port`,
      );
    }
    used.add(keyOf(port, number));
    ports.push({ ...port, publishedPort: number });
  }
  return ports;
}

const keyOf = (port: PortConfig, number: number): string => `${port.protocol} ${number}`;

/** The ports that the user left open, as the manager filled them in. `ports` has the order of the spec. */
function chosenBefore(service: Service): PortConfig[] {
  return service.ports.filter((_, at) => service.spec.endpoint.ports[at]?.publishedPort === 0);
}

/** Takes the earlier choice for the same port out of `before`. */
function takeBefore(before: PortConfig[], port: PortConfig, used: ReadonlySet<string>): number | undefined {
  const at = before.findIndex(
    (old) =>
      old.protocol === port.protocol &&
      old.targetPort === port.targetPort &&
      old.mode === port.mode &&
      old.name === port.name &&
      old.hostIp === port.hostIp &&
      !used.has(keyOf(old, old.publishedPort)),
  );
  return at < 0 ? undefined : before.splice(at, 1)[0]?.publishedPort;
}

function lowestFree(state: State, port: PortConfig, used: ReadonlySet<string>, id: ServiceId): number | undefined {
  for (let number: number = DYNAMIC_PORTS.first; number <= DYNAMIC_PORTS.last; number += 1) {
    if (used.has(keyOf(port, number))) continue;
    if (state.ports.holder({ ...port, publishedPort: number }, id) === undefined) return number;
  }
  return undefined;
}

/** The proxies of the `ports` plane carry TCP and UDP only; a port in mode `host` is the engine's affair. */
function notCarried(state: State, wanted: readonly PortConfig[]): Refusal | undefined {
  const port = wanted.find(({ protocol, mode }) => protocol === "sctp" && mode === "ingress");
  if (port === undefined || state.cluster()?.dataPlane === "overlay") return undefined;
  return refused(
    "unsupported",
    `port ${port.targetPort}/sctp can't be published in mode ingress: this cluster's data plane is ports, which carries TCP and UDP only; publish it in mode host`,
  );
}

function conflict(state: State, port: PortConfig, holder: { id: ServiceId; port: PortConfig }): Refusal {
  const name = state.service(holder.id)?.spec.name ?? "";
  const as = holder.port.mode === "ingress" ? "an ingress port" : "a host-published port";
  const on = holder.port.hostIp === undefined ? "" : ` on ${holder.port.hostIp}`;
  return refused(
    "port_conflict",
    `port '${port.publishedPort}' (${port.protocol}) is already in use by service '${name}' (${holder.id}) as ${as}${on}`,
  );
}
