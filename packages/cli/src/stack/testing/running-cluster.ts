import { createServer, type Server } from "node:http";
import { taskId, type Service, type Task, type TaskId } from "@murmur/model";
import { wantedTasks } from "./wanted-tasks.ts";
import { NODE_ONE, type MemoryCluster } from "../../../../api/src/testing/memory-cluster.ts";
import { listenAnywhere, serveApi, type Served } from "../../../../api/src/testing/served.ts";

const TURN_MS = 20;

/**
 * A daemon's real API over a cluster in memory, whose tasks run as soon as they are wanted and stop as soon as they aren't:
 * all of a cluster but containers. Its engine has no networks, and no registry answers.
 */
export class RunningCluster implements AsyncDisposable {
  readonly served: Served;
  /** Services whose tasks are not started, by name. */
  readonly held = new Set<string>();
  readonly #engine: Server;
  readonly #timer: NodeJS.Timeout;
  #tasks = 0;

  private constructor(served: Served, engine: Server) {
    this.served = served;
    this.#engine = engine;
    this.#timer = setInterval(() => this.#turn(), TURN_MS);
  }

  static async start(): Promise<RunningCluster> {
    const engine = createServer(({ url = "" }, response) => {
      const isKnown = url.includes("/networks");
      response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
      response.end(isKnown ? "[]" : '{"message":"page not found"}');
    });
    return new RunningCluster(await serveApi(await listenAnywhere(engine)), engine);
  }

  get memory(): MemoryCluster {
    const cluster = this.served.ports.cluster();
    if (cluster === undefined) throw new Error("the daemon is in a cluster");
    return cluster;
  }

  #turn(): void {
    const { memory } = this;
    const { view } = memory.store;
    for (const service of view.services()) {
      const tasks = view.tasksOfService(service.id);
      const isWanted = (task: Task): boolean => service.removing !== true && task.specVersion === service.specVersion;
      for (const task of tasks.filter((task) => !isWanted(task))) this.#stop(task);
      if (service.removing === true) memory.apply({ kind: "finishRemoveService", id: service.id });
      else if (!this.held.has(service.spec.name))
        this.#start(service, new Set(tasks.filter(isWanted).map(({ slot }) => slot)));
    }
  }

  #start(service: Service, there: ReadonlySet<number>): void {
    for (const slot of wantedTasks(service).filter((slot) => !there.has(slot))) {
      this.#tasks += 1;
      const id = taskId(`task${String(this.#tasks)}`.padEnd(25, "x"));
      this.memory.runTask(service, id, slot);
      if (service.spec.mode.kind.endsWith("-job")) this.#report(id, "complete");
    }
  }

  #stop({ id, status }: Task): void {
    this.memory.apply({ kind: "setDesiredState", id, desired: "shutdown" });
    if (status.state === "running") this.#report(id, "shutdown");
    this.memory.apply({ kind: "removeTask", id });
  }

  #report(id: TaskId, state: "complete" | "shutdown"): void {
    const status = { state, at: 0, message: "finished", containerId: "f".repeat(64) };
    this.memory.apply({ kind: "reportTasks", nodeId: NODE_ONE, statuses: [{ id, status }] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.served[Symbol.asyncDispose]();
    this.#engine.closeAllConnections();
    this.#engine.close();
  }
}
