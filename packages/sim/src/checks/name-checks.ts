import type { Millis, NodeId } from "@murmur/base";
import { DNS_ZONE, taskId, type AttachedTask, type Endpoint, type EndpointTable, type TaskId } from "@murmur/model";
import type { AskedType, NameAnswer } from "../world/dns-message.ts";
import { HOST_ASKER, type Lookup } from "../world/lookup.ts";
import type { Observer } from "../world/observer.ts";
import type { Judge, Named } from "./violation.ts";

/** What these checks look at on a host. */
export interface NamesHost extends Named {
  readonly names: Names | undefined;
}

/** The server of one life of a host's process. */
interface Names {
  readonly table: EndpointTable | undefined;
  ask(name: string, type: AskedType, from: string): NameAnswer;
}

type Asked = Omit<Lookup, "names"> & { readonly names: Names };

/** How long an answer may be used: what the node's server promises, so that a task is out of use as soon. */
const KEPT_MS: Millis = 1_000;
/** A withdrawal is remembered for so long; by then the committed state has followed everywhere that hears of it. */
const REMEMBERED_MS: Millis = 60_000;
/** A virtual address is no task's. */
const VIRTUAL = "virtual";

/** What names mean on a node never goes behind what the node itself knows, and has said that it knows. */
export class NameChecks implements Observer {
  readonly #judge: Judge;
  /** The tasks whose withdrawal each life of a process has acknowledged, with the moment. */
  readonly #acknowledged = new WeakMap<Names, Map<TaskId, Millis>>();
  /** Whose each address of an answer was then. */
  readonly #owners = new WeakMap<object, ReadonlyMap<string, readonly TaskId[]>>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  answered(host: NamesHost, _from: NodeId, call: { readonly method: string; readonly body: unknown }): void {
    const { names } = host;
    if (call.method !== "withdraw" || typeof call.body !== "string" || names === undefined) return;
    let acknowledged = this.#acknowledged.get(names);
    if (acknowledged === undefined) this.#acknowledged.set(names, (acknowledged = new Map()));
    for (const [id, at] of acknowledged) if (this.#judge.now - at >= REMEMBERED_MS) acknowledged.delete(id);
    const id = taskId(call.body);
    acknowledged.set(id, this.#judge.now);
    for (const lookup of this.#lookUp(names, id)) this.named(host, lookup);
  }

  /** What the names of a task's service mean at this moment, to the host. */
  #lookUp(names: Names, id: TaskId): readonly Asked[] {
    const { services = [], networks = [] } = names.table ?? {};
    const own = services.filter(({ endpoints }) => endpoints.some((endpoint) => endpoint.taskId === id));
    return own.flatMap(({ name: service, networks: joined }) =>
      networks
        .filter((network) => network.removing !== true && joined.some(({ networkId }) => networkId === network.id))
        .flatMap(({ id: networkId, name: network }) =>
          (["A", "AAAA"] as const).map((type) => {
            const name = `tasks.${service}.${network}.${DNS_ZONE}`;
            const answer = names.ask(name, type, HOST_ASKER);
            return {
              names,
              service,
              networkId,
              by: "tasks",
              name,
              type,
              from: HOST_ASKER,
              answer,
              at: this.#judge.now,
            };
          }),
        ),
    );
  }

  named(host: NamesHost, lookup: Asked): void {
    const owners = new Map<string, readonly TaskId[]>();
    for (const { data } of lookup.answer.records) {
      const whose = ownersIn(lookup, data);
      if (whose === VIRTUAL) continue;
      if (whose.length === 0) {
        const check = "what a name answers is the service's in the node's own table";
        const version = `version ${String(lookup.names.table?.version ?? 0)}`;
        this.#judge.refuse(check, host, saidIn(lookup, data), `no task of ${lookup.service} is there in ${version}`);
      }
      owners.set(data, whose);
      const withdrawn = this.#withdrawnAt(lookup, whose);
      if (withdrawn === undefined) continue;
      const check = "a name doesn't answer a task whose withdrawal the node has acknowledged";
      this.#judge.refuse(check, host, saidIn(lookup, data), `${whose.join(" ")}: withdrawn at ${shown(withdrawn)}`);
    }
    this.#owners.set(lookup, owners);
  }

  used(host: NamesHost, lookup: Asked): void {
    for (const [data, whose] of this.#owners.get(lookup) ?? []) {
      const withdrawn = this.#withdrawnAt(lookup, whose);
      if (withdrawn === undefined || this.#judge.now - withdrawn <= KEPT_MS) continue;
      const check = "nobody uses an answer longer than a second after a withdrawal was acknowledged";
      this.#judge.refuse(check, host, `${saidIn(lookup, data)}, and that is kept`, `withdrawn at ${shown(withdrawn)}`);
    }
  }

  /** When the last of them was withdrawn, as the node has acknowledged; undefined while one of them was not. */
  #withdrawnAt({ names }: Asked, tasks: readonly TaskId[]): Millis | undefined {
    const acknowledged = this.#acknowledged.get(names);
    const moments = tasks.map((id) => acknowledged?.get(id));
    return moments.some((at) => at === undefined) ? undefined : Math.max(...moments.map((at = 0) => at));
  }
}

const shown = (at: Millis): string => `${(at / 1_000).toFixed(4)} s`;
const saidIn = ({ name, at }: Pick<Lookup, "name" | "at">, data: string): string =>
  `${name} is ${data}, as was said at ${shown(at)}`;

/** The tasks that an answer may mean, by the node's own table; several where tasks share their node's address. */
function ownersIn({ names, service, networkId, by, type }: Asked, data: string): readonly TaskId[] | typeof VIRTUAL {
  const services = (names.table?.services ?? []).filter(
    ({ name, networks }) => name === service && networks.some((joined) => joined.networkId === networkId),
  );
  if (by === "service" && type !== "SRV") {
    const isIt = ({ ipv4, ipv6 }: { readonly ipv4: string; readonly ipv6?: string }): boolean =>
      ipv4 === data || ipv6 === data;
    const vips = services.flatMap(({ vips: all = [] }) => all.filter((vip) => vip.networkId === networkId));
    if (vips.some(isIt)) return VIRTUAL;
  }
  const addressed = names.table?.networks.find(({ id }) => id === networkId)?.addressing !== undefined;
  return services.flatMap(({ endpoints, attached = [] }) => {
    const isMeant = (endpoint: Endpoint): boolean => {
      if (type === "SRV") return data.startsWith(`${endpoint.taskId}.`);
      return addressed ? isAt(attached, endpoint, { networkId, data }) : endpoint.address === data;
    };
    return endpoints.filter(isMeant).map((endpoint) => endpoint.taskId);
  });
}

function isAt(
  attached: readonly AttachedTask[],
  { taskId: id }: Endpoint,
  { networkId, data }: Pick<Lookup, "networkId"> & { readonly data: string },
): boolean {
  const own = attached.find((task) => task.taskId === id)?.addresses ?? [];
  return own.some((at) => at.networkId === networkId && (at.ipv4 === data || at.ipv6 === data));
}
