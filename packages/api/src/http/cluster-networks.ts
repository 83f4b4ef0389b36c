import { ClusterError, messageOf, type Millis } from "@murmur/base";
import { engineNetworkName, networkId } from "@murmur/model";
import type { Context } from "hono";
import { fieldsIn } from "../docker/attach-by-hand.ts";
import { TASK_LABEL } from "../docker/task-label.ts";
import { toNetworkResource } from "../docker/network.ts";
import { OWN_LABEL } from "../docker/network-filter.ts";
import type { Network, NetworkResource, NetworkUse } from "../docker/network-types.ts";
import type { ApiPorts, Consistency } from "../ports.ts";
import { within } from "./context.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** So long a leader is waited for, before what a replica has must do. */
const FRESH_MS: Millis = 3_000;

/** The cluster's networks as this node's clients see them, beside the engine's. */
export class ClusterNetworks {
  readonly #ports: ApiPorts;
  readonly #askCluster: AskCluster;

  constructor(ports: ApiPorts, askCluster: AskCluster) {
    this.#ports = ports;
    this.#askCluster = askCluster;
  }

  /**
   * All of them, or only those that nothing is in (`dangling`), or the others; none outside a cluster. Without a leader
   * those that a replica has. Errors: as asking a manager.
   */
  async all(
    context: Context,
    { dangling }: { readonly dangling?: boolean | undefined } = {},
  ): Promise<readonly NetworkResource[]> {
    const { node, clock, log } = this.#ports;
    if (node.status().state !== "active") return [];
    const which = dangling === undefined ? "" : `&dangling=${String(dangling)}`;
    const asked = (limitMs: Millis | undefined, consistency: Consistency): Promise<Network[]> =>
      within(context, limitMs === undefined ? { clock } : { clock, limitMs }, (signal) =>
        askJson<Network[]>(this.#askCluster, `/murmur/networks?consistency=${consistency}${which}`, signal),
      );
    const networks = await asked(FRESH_MS, "linearizable").catch((error: unknown) => {
      log.debug("the cluster's networks may be out of date", { error: messageOf(error) });
      return asked(undefined, "local");
    });
    return networks.map(toNetworkResource);
  }

  /**
   * The network of the cluster that a text means: its id, else its name, else the beginning of its id. Undefined when it
   * can only mean one of the engine's. Errors: `invalid_argument` when it may mean several; when the cluster can't be
   * asked, and the engine has none of that name, those of `all`, unless `strictly` is false.
   */
  async find(
    context: Context,
    text: string,
    { strictly }: { readonly strictly: boolean },
  ): Promise<NetworkResource | undefined> {
    let networks: readonly NetworkResource[];
    try {
      networks = await this.all(context);
    } catch (error) {
      this.#ports.log.debug("the cluster's networks are not known", { error: messageOf(error) });
      if (!strictly || isNamed(await this.#inEngine(context, text))) return undefined;
      throw error;
    }
    const exact = networks.find(({ Id }) => Id === text) ?? networks.find(({ Name }) => Name === text);
    if (exact !== undefined) return exact;
    const [first, ...more] = networks.filter(({ Id }) => Id.startsWith(text));
    if (first === undefined) return undefined;
    const inEngine = await this.#inEngine(context, text);
    if (isNamed(inEngine)) return undefined;
    const count = 1 + more.length + (inEngine === "begins" ? 1 : 0);
    if (count === 1) return first;
    const found = `(${String(count)} matches found based on ID prefix)`;
    throw new ClusterError("invalid_argument", `network ${text} is ambiguous ${found}`);
  }

  /**
   * Refuses a new network whose name is one of the other side's: of the engine for the cluster's, of the cluster for the
   * engine's. Nobody could say which of the two a container shall be in. Passed over where the other side can't be asked.
   * Of the names that every engine has, the cluster says itself why it takes none. Errors: `already_exists`.
   */
  async refuseNamesake(context: Context, name: string, { isCluster }: { readonly isCluster: boolean }): Promise<void> {
    if (PREDEFINED.has(name)) return;
    const isTaken = isCluster
      ? (await this.#inEngine(context, name)) === "name"
      : (await this.all(context).catch(() => [])).some(({ Name }) => Name === name);
    if (isTaken) throw new ClusterError("already_exists", `network with name ${name} already exists`);
  }

  /** The services of a network by their names, with their tasks, and the nodes that these are on. */
  useOf(id: string, signal: AbortSignal): Promise<NetworkUse> {
    return askJson(this.#askCluster, `/murmur/networks/${id}/use?consistency=local`, signal);
  }

  /**
   * The engine's own network for one of the cluster, in its words; undefined: it has none, so that nothing of this node is
   * in it. Errors: as asking the engine.
   */
  async engineSide(context: Context, id: string): Promise<unknown> {
    const filters = JSON.stringify({ label: [`${OWN_LABEL}=${id}`] });
    const path = `/networks?filters=${encodeURIComponent(filters)}`;
    const { body } = await within(context, this.#ports, (signal) => this.#ports.engine.get(path, signal));
    return Array.isArray(body) ? body[0] : undefined;
  }

  /**
   * The engine's name of its own network for one that each node has of itself, made if need be. Errors: as
   * `LocalNode.ownNetwork`.
   */
  ownNetwork(context: Context, id: string): Promise<string> {
    return within(context, this.#ports, (signal) => this.#ports.node.ownNetwork(networkId(id), signal));
  }

  /** What of this node is in a network, as Docker shows it: by containers' ids. Null: nothing, or the engine doesn't say. */
  async containersIn(context: Context, { Id, Name, Driver }: NetworkResource): Promise<NetworkResource["Containers"]> {
    try {
      const isOverlay = Driver === "overlay";
      const own = isOverlay ? fieldsIn(await this.engineSide(context, Id))["Name"] : undefined;
      const name = isOverlay ? own : engineNetworkName({ id: networkId(Id), name: Name });
      if (typeof name !== "string") return null;
      const path = `/networks/${encodeURIComponent(name)}`;
      const { body } = await within(context, this.#ports, (signal) => this.#ports.engine.get(path, signal));
      const containers = fieldsIn(fieldsIn(body)["Containers"]);
      return Object.keys(containers).length === 0 ? null : containers;
    } catch (error) {
      this.#ports.log.debug("the engine doesn't say who is in a network", { network: Id, error: messageOf(error) });
      return null;
    }
  }

  /**
   * The name of a container of this node that is in a network and is no task's, before anybody else knows of it. Undefined:
   * there is none, or the engine doesn't say.
   */
  async guestHere(context: Context, { Id, Name }: NetworkResource): Promise<string | undefined> {
    const filters = JSON.stringify({ network: [engineNetworkName({ id: networkId(Id), name: Name })] });
    const path = `/containers/json?filters=${encodeURIComponent(filters)}`;
    const { body } = await within(context, this.#ports, (signal) => this.#ports.engine.get(path, signal)).catch(() => {
      return { body: undefined };
    });
    const listed: readonly unknown[] = Array.isArray(body) ? body : [];
    const guest = listed.map(fieldsIn).find(({ Labels }) => !(TASK_LABEL in fieldsIn(Labels)));
    const [name] = Array.isArray(guest?.["Names"]) ? (guest["Names"] as readonly unknown[]) : [];
    return typeof name === "string" ? name.replace(/^\//, "") : undefined;
  }

  /** What a text is to the engine: the name or id of a network, the beginning of an id, or nothing. */
  async #inEngine(context: Context, text: string): Promise<InEngine> {
    const path = `/networks/${encodeURIComponent(text)}`;
    const answer = await within(context, this.#ports, (signal) => this.#ports.engine.get(path, signal)).catch(() => {
      return { status: 503, body: undefined };
    });
    const { status, body } = answer;
    if (status !== 200 || typeof body !== "object" || body === null) return "none";
    const { Id, Name } = body as Partial<NetworkResource>;
    if (Id === text) return "id";
    return Name === text ? "name" : "begins";
  }
}

const PREDEFINED: ReadonlySet<string> = new Set(["bridge", "host", "none"]);

type InEngine = "id" | "name" | "begins" | "none";
const isNamed = (meaning: InEngine): boolean => meaning === "id" || meaning === "name";
