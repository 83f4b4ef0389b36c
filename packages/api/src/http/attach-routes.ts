import { ClusterError, codeOf, sleep, type Clock, type Millis } from "@murmur/base";
import { engineNetworkName, networkId } from "@murmur/model";
import type { Context, Hono } from "hono";
import {
  checkEndpoint,
  engineSideIn,
  fieldsIn,
  namedNetworks,
  withEngineSides,
  type EngineSide,
} from "../docker/attach-by-hand.ts";
import { inClusterNames } from "../docker/engine-side-names.ts";
import type { NetworkResource } from "../docker/network-types.ts";
import { networksApart, olderEngineWish, type Apart } from "../docker/older-engine-wish.ts";
import { versionGap } from "../engine/engine-path.ts";
import type { Engine } from "../ports.ts";
import { bytesOf, jsonIn, readBytes } from "./body.ts";
import type { ClusterNetworks } from "./cluster-networks.ts";
import { pathOf, type ToEngine } from "./to-engine.ts";

/** The agent has the engine make its side of a network as soon as it hears of that: scripts use it right after it was made. */
const SIDE_WAIT_MS: Millis = 10_000;
const POLL_MS: Millis = 50;

interface AttachRoutes {
  readonly clock: Clock;
  readonly engine: Pick<Engine, "facts">;
  readonly networks: ClusterNetworks;
  readonly toEngine: ToEngine;
}

/**
 * Containers that are connected to networks of the cluster by hand: the engine has those by other names. Whatever names
 * none of them goes to the engine as it came, but for what an engine that is older than the client would misread.
 */
export function addAttachRoutes(app: Hono, { clock, engine, networks, toEngine }: AttachRoutes): void {
  const sideOf = async (context: Context, network: NetworkResource): Promise<EngineSide> => {
    checkAttachable(network);
    const { signal } = context.req.raw;
    const until = clock.monotonic() + SIDE_WAIT_MS;
    const look = async (): Promise<EngineSide | undefined> => {
      if (network.Driver === "overlay") return engineSideIn(await networks.engineSide(context, network.Id));
      try {
        return { name: await networks.ownNetwork(context, network.Id), gateway: undefined, ranges: undefined };
      } catch (error) {
        if (codeOf(error) !== "unavailable" || clock.monotonic() >= until) throw error;
        return undefined;
      }
    };
    for (;;) {
      const side = await look();
      if (side !== undefined) return side;
      if (clock.monotonic() >= until) break;
      await sleep(clock, POLL_MS, signal);
    }
    throw new ClusterError("unavailable", `this node's engine has no network for ${network.Name} yet: try again`);
  };

  app.post("/containers/create", async (context) => {
    const body = await readBytes(context.req.raw);
    const contentType = context.req.header("content-type");
    const given = jsonIn(body);
    const gap = await versionGap(engine, pathOf(context, ""));
    const wish = olderEngineWish(given, gap);
    const sides = new Map<string, EngineSide>();
    for (const name of namedNetworks(wish)) {
      const found = await networks.find(context, name, { strictly: false });
      if (found !== undefined) sides.set(name, await sideOf(context, found));
    }
    const apart = networksApart(sides.size === 0 ? wish : withEngineSides(wish, sides), gap);
    const request = { method: "POST", contentType, body: apart.wish === given ? body : bytesOf(apart.wish) } as const;
    const answer = await toEngine(context, request);
    if (answer.ok && apart.others.length > 0) return inOthersToo(context, answer, { toEngine, others: apart.others });
    return sides.size === 0 ? answer : inClusterWords(answer);
  });

  for (const verb of ["connect", "disconnect"] as const) {
    app.post(`/networks/:id/${verb}`, async (context) => {
      const body = await readBytes(context.req.raw);
      const request = { method: "POST", contentType: context.req.header("content-type"), body } as const;
      const name = context.req.param("id");
      const found = await networks.find(context, name, { strictly: false });
      if (found === undefined) return toEngine(context, request);
      const side = verb === "disconnect" && found.Driver !== "overlay" ? ownSide(found) : await sideOf(context, found);
      const wish = jsonIn(body);
      if (typeof wish === "object" && wish !== null && "EndpointConfig" in wish)
        checkEndpoint(name, wish.EndpointConfig, side);
      const [before = ""] = pathOf(context, "").split("/networks/");
      const answer = await toEngine(context, request, `${before}/networks/${encodeURIComponent(side.name)}/${verb}`);
      return inClusterWords(answer);
    });
  }
}

/** Connects what was made to its other networks. A container that isn't in all of them is none that somebody asked for, and goes. */
async function inOthersToo(
  context: Context,
  made: Response,
  { toEngine, others }: Pick<AttachRoutes, "toEngine"> & Pick<Apart, "others">,
): Promise<Response> {
  const body: unknown = await made.json();
  const id = String(fieldsIn(body)["Id"]);
  const [before = ""] = pathOf(context, "").split("/containers/");
  for (const { network, endpoint } of others) {
    const wish = bytesOf({ Container: id, EndpointConfig: endpoint });
    const request = { method: "POST", contentType: "application/json", body: wish } as const;
    const answer = await toEngine(context, request, `${before}/networks/${encodeURIComponent(network)}/connect`);
    if (answer.ok) continue;
    await toEngine(context, { method: "DELETE" }, `${before}/containers/${id}?force=1&v=1`);
    return inClusterWords(answer);
  }
  return Response.json(body, { status: made.status });
}

/** A refusal of the engine's, of what it calls otherwise than the client does. */
async function inClusterWords(answer: Response): Promise<Response> {
  if (answer.status < 400) return answer;
  const message = fieldsIn(await answer.json().catch(() => undefined))["message"];
  const words = typeof message === "string" ? inClusterNames(message) : "the engine refuses it without a reason";
  return Response.json({ message: words }, { status: answer.status });
}

/** What a container leaves is there already, if the container is in it at all. */
const ownSide = ({ Id, Name }: NetworkResource): EngineSide => ({
  name: engineNetworkName({ id: networkId(Id), name: Name }),
  gateway: undefined,
  ranges: undefined,
});

/** Errors: `failed_precondition` for a network that containers can't be connected to by hand. */
function checkAttachable({ Name, Attachable, IPAM, Driver }: NetworkResource): void {
  const hasAddresses = (IPAM?.Config ?? []).length > 0;
  if (!hasAddresses && Driver === "overlay") {
    const why = "this cluster's data plane is ports";
    throw new ClusterError("failed_precondition", `${why}: only services can be in network ${Name}`);
  }
  if (Attachable) return;
  const hint = "only services can be in it; one that is made with --attachable takes containers, too";
  throw new ClusterError("failed_precondition", `network ${Name} is not attachable: ${hint}`);
}
