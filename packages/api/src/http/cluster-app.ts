import { ClusterError } from "@murmur/base";
import { Hono } from "hono";
import type { ApiPorts } from "../ports.ts";
import { splitVersion } from "./api-version.ts";
import { addBackupRoutes, refuseBackups } from "./backup-routes.ts";
import { addClusterNetworkRoutes } from "./cluster-network-routes.ts";
import { ClusterAccess } from "./context.ts";
import { addMurmurRoutes } from "./murmur-routes.ts";
import { addNodeRoutes } from "./node-routes.ts";
import { handleErrors } from "./respond.ts";
import { addServiceRoutes } from "./service-routes.ts";
import { addSwarmRoutes } from "./swarm-routes.ts";
import { addTaskRoutes } from "./task-routes.ts";

/**
 * The routes that need the replicated state: answered by managers, for themselves and for the nodes that aren't
 * (`isForwarded`), which don't get the cluster's keys.
 */
export function createClusterApp(ports: ApiPorts, { isForwarded }: { readonly isForwarded: boolean }): Hono {
  const app = new Hono({ getPath: (request) => splitVersion(new URL(request.url).pathname).path });
  const access = new ClusterAccess(ports);
  handleErrors(app, ports.log);
  addSwarmRoutes(app, access);
  addNodeRoutes(app, access);
  addServiceRoutes(app, access);
  addTaskRoutes(app, access);
  addClusterNetworkRoutes(app, access);
  addMurmurRoutes(app, access);
  if (isForwarded) refuseBackups(app, access);
  else addBackupRoutes(app, access);
  addStoredFileRoutes(app);
  return app;
}

/** There are none yet: asking is answered, making one is refused before somebody relies on it. */
function addStoredFileRoutes(app: Hono): void {
  for (const kind of ["secret", "config"]) {
    app.get(`/${kind}s`, (context) => context.json([]));
    app.get(`/${kind}s/:id`, (context) => {
      throw new ClusterError("not_found", `${kind} ${context.req.param("id") ?? ""} not found`);
    });
    app.all(`/${kind}s/*`, () => {
      throw new ClusterError("unsupported", `Murmur doesn't keep ${kind}s yet`);
    });
  }
}
