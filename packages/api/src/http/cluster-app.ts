import { Hono } from "hono";
import type { EventMemory } from "../events/event-memory.ts";
import type { ApiPorts } from "../ports.ts";
import { splitVersion } from "./api-version.ts";
import { addBackupRoutes, refuseBackups } from "./backup-routes.ts";
import { addClusterNetworkRoutes } from "./cluster-network-routes.ts";
import { addClusterVolumeRoutes } from "./cluster-volumes.ts";
import { ClusterAccess } from "./context.ts";
import { addDryRunRoute } from "./dry-run-routes.ts";
import { addExplainRoutes } from "./explain-routes.ts";
import { addSwarmEventRoute } from "./docker-event-routes.ts";
import { addMurmurRoutes } from "./murmur-routes.ts";
import { addNodeRoutes } from "./node-routes.ts";
import { addPayloadRoutes } from "./payload-routes.ts";
import { addRebalanceRoute } from "./rebalance-routes.ts";
import { handleErrors } from "./respond.ts";
import { addServiceRoutes } from "./service-routes.ts";
import { addSwarmRoutes } from "./swarm-routes.ts";
import { addTaskRoutes } from "./task-routes.ts";

/**
 * The routes that need the replicated state: answered by managers, for themselves and for the nodes that aren't
 * (`isForwarded`), which don't get the cluster's keys.
 */
export function createClusterApp(
  ports: ApiPorts,
  { isForwarded, memory }: { readonly isForwarded: boolean; readonly memory: EventMemory },
): Hono {
  const app = new Hono({ getPath: (request) => splitVersion(new URL(request.url).pathname).path });
  const access = new ClusterAccess(ports);
  handleErrors(app, ports.log);
  addSwarmRoutes(app, access, { isForwarded });
  addNodeRoutes(app, access);
  addServiceRoutes(app, access);
  addTaskRoutes(app, access);
  addClusterNetworkRoutes(app, access);
  addClusterVolumeRoutes(app, access);
  addPayloadRoutes(app, access);
  addMurmurRoutes(app, access);
  addSwarmEventRoute(app, access, memory);
  addExplainRoutes(app, access);
  addRebalanceRoute(app, access);
  addDryRunRoute(app, access);
  if (isForwarded) refuseBackups(app, access);
  else addBackupRoutes(app, access);
  return app;
}
