import type { Clock, Timer } from "@murmur/base";
import { taskName, type Health, type PublishedPort } from "@murmur/model";
import { containerLabels } from "./labels.ts";
import type { Container, ContainerRequest, ContainerState } from "./ports.ts";

/** How the process in a simulated container behaves. */
export interface Program {
  /** Ends by itself so long after its start; left out: never. */
  readonly exitAfterMs?: number;
  /** With this code, 0 when left out. */
  readonly exitCode?: number;
  /** Ends so long after its stop signal, with code 143; left out: it ignores the signal. */
  readonly stopAfterMs?: number;
  /** Healthy so long after its start; left out: it has no health check. */
  readonly healthyAfterMs?: number;
}

export interface SimulatedContainerOptions {
  readonly id: string;
  readonly request: ContainerRequest;
  readonly program: Program;
  readonly clock: Clock;
  /** Tells an event, in the engine's words. */
  readonly emit: (container: SimulatedContainer, action: string) => void;
}

/** One container of the simulated engine. Its changes are synchronous; how long a call takes is the engine's matter. */
export class SimulatedContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly request: ContainerRequest;
  readonly #options: SimulatedContainerOptions;
  readonly #timers = new Set<Timer>();
  #state: ContainerState = "created";
  #health: Health = "none";
  #exitCode = 0;
  #error = "";
  #pid = 0;
  #ports: readonly PublishedPort[] = [];
  #starts = 0;

  constructor(options: SimulatedContainerOptions) {
    const { id, request } = options;
    this.#options = options;
    this.id = id;
    this.request = request;
    this.name = taskName(request.task);
    this.labels = containerLabels(request.task, request.node);
  }

  get state(): ContainerState {
    return this.#state;
  }
  get live(): boolean {
    return this.#state === "running" || this.#state === "paused";
  }
  /** How often the agent has started its process. */
  get starts(): number {
    return this.#starts;
  }
  get ports(): readonly PublishedPort[] {
    return this.live ? this.#ports : [];
  }

  show(): Container {
    return {
      id: this.id,
      name: this.name,
      labels: this.labels,
      state: this.#state,
      health: this.#health,
      pid: this.live ? this.#pid : 0,
      ...(this.live && {
        run: String(this.#pid),
        netns: `/var/run/docker/netns/${this.#pid.toString(16).padStart(12, "0")}`,
      }),
      exitCode: this.#exitCode,
      error: this.#error,
      oomKilled: false,
      ports: this.ports,
    };
  }

  start(pid: number, ports: readonly PublishedPort[]): void {
    this.#starts += 1;
    this.#ports = ports;
    this.#run(pid);
  }

  /** Somebody restarts it by hand: another process, in another network namespace. */
  restart(pid: number): void {
    if (!this.live) return;
    this.exit(137);
    this.#run(pid);
  }

  #run(pid: number): void {
    const { program, emit } = this.#options;
    this.#state = "running";
    this.#pid = pid;
    this.#error = "";
    this.#health = program.healthyAfterMs === undefined ? "none" : "starting";
    emit(this, "start");
    if (program.healthyAfterMs !== undefined) this.#later(program.healthyAfterMs, () => this.setHealth("healthy"));
    if (program.exitAfterMs !== undefined) this.#later(program.exitAfterMs, () => this.exit(program.exitCode ?? 0));
  }

  /** The engine could not start it, and says why. */
  failStart(error: string): void {
    this.#error = error;
    this.#exitCode = 128;
  }

  signal(name: string): void {
    const { program } = this.#options;
    if (name === "SIGKILL") return this.exit(137);
    if (program.stopAfterMs !== undefined) this.#later(program.stopAfterMs, () => this.exit(143));
  }

  exit(exitCode: number): void {
    if (!this.live) return;
    this.#cancelTimers();
    this.#state = "exited";
    this.#exitCode = exitCode;
    // As Docker does: the monitor that has stopped leaves an ended container unhealthy.
    if (this.#health !== "none") this.#health = "unhealthy";
    this.#options.emit(this, "die");
  }

  setHealth(health: Health): void {
    if (!this.live || this.#health === health) return;
    this.#health = health;
    this.#options.emit(this, `health_status: ${health}`);
  }

  pause(): void {
    if (this.#state !== "running") return;
    this.#state = "paused";
    this.#options.emit(this, "pause");
  }

  unpause(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.#options.emit(this, "unpause");
  }

  destroy(): void {
    this.exit(137);
    this.#cancelTimers();
    this.#options.emit(this, "destroy");
  }

  #later(delayMs: number, act: () => void): void {
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      act();
    });
    this.#timers.add(timer);
  }

  #cancelTimers(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
