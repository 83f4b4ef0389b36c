import type { MurmurClient, RegistryAuth, Service } from "@murmur/api";
import type { ComposeDependency } from "@murmur/compose";
import { ClusterError, codeOf, messageOf, withDeadline, orAborted, type Millis } from "@murmur/base";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { formatDuration } from "../units/duration.ts";
import { NOTHING_BEFORE, type Baseline } from "../progress/judge.ts";
import { baselineOf } from "../progress/follow-service.ts";
import type { Outcome } from "../progress/wait.ts";
import { followed } from "./followed-service.ts";
import { MovedPorts } from "./moved-ports.ts";
import type { ServiceStep } from "./service-step.ts";
import type { StackDisplay } from "./stack-display.ts";
import type { StackImages } from "./stack-images.ts";

export interface RollOutOptions {
  readonly client: MurmurClient;
  readonly images: StackImages;
  readonly display: StackDisplay;
  /** Return as soon as all services were sent, whatever becomes of them. */
  readonly detach: boolean;
  /** For each condition, and for each service to converge. */
  readonly waitTimeoutMs: Millis;
  /** Ends it: what wasn't sent is not sent any more. */
  readonly signal: AbortSignal;
}

export interface RolledOut {
  /** By service, why it failed or wasn't begun. */
  readonly failures: ReadonlyMap<string, string>;
  /** Those that were not sent, because they were still waiting when the signal came. */
  readonly unsent: readonly string[];
}

/** What others wait for of a service. Each is settled at most once; nobody has to look. */
interface Milestones {
  readonly started: PromiseWithResolvers<void>;
  readonly converged: PromiseWithResolvers<void>;
}

/**
 * Sends the services, each when what it depends on is as far as it asks for, those without dependencies at once, and
 * follows them all. Unchanged services are not sent; what waits for them looks how they stand.
 */
export async function rollOut(cli: Cli, steps: readonly ServiceStep[], options: RollOutOptions): Promise<RolledOut> {
  const milestones = new Map(steps.map((step) => [step.wish.key, newMilestones()]));
  const failures = new Map<string, string>();
  const unsent: string[] = [];
  const sent: Promise<void>[] = [];
  const followings: Promise<void>[] = [];
  const enough = new AbortController();
  const ports = new MovedPorts(steps);
  const awaited = new Set(
    steps.filter(({ kind }) => kind !== "keep").flatMap(({ wish }) => wish.dependsOn.map(({ service }) => service)),
  );
  for (const step of steps) {
    const { key, name } = step.wish;
    const own = milestones.get(key) ?? newMilestones();
    const fail = (why: string): void => {
      failures.set(name, why);
      const error = new ClusterError("failed_precondition", `service ${name}: ${why}`);
      own.started.reject(error);
      own.converged.reject(error);
    };
    const send = async (): Promise<void> => {
      try {
        if (step.kind !== "keep") await conditionsOf(cli, step, { milestones, options });
        if (options.signal.aborted) throw cancelled();
        const target = await apply(step, { ...options, ports });
        if (options.detach && !awaited.has(key)) return;
        followings.push(follow(cli, { ...target, name, own, fail }, { ...options, enough: enough.signal }));
      } catch (error) {
        if (codeOf(error) === "cancelled") unsent.push(name);
        fail(messageOf(error));
      }
    };
    sent.push(send());
  }
  await Promise.all(sent);
  if (options.detach) enough.abort();
  await Promise.all(followings);
  return { failures, unsent };
}

function newMilestones(): Milestones {
  const both = { started: Promise.withResolvers<void>(), converged: Promise.withResolvers<void>() };
  for (const { promise } of Object.values(both)) promise.catch(() => {});
  return both;
}

const cancelled = (): ClusterError => new ClusterError("cancelled", "interrupted before it was begun");

/** Resolves when all that a service depends on is as far as it asks for. */
async function conditionsOf(
  cli: Cli,
  { wish }: ServiceStep,
  how: { readonly milestones: ReadonlyMap<string, Milestones>; readonly options: RollOutOptions },
): Promise<void> {
  const { options, milestones } = how;
  for (const dependency of wish.dependsOn) {
    const reached = milestones.get(dependency.service);
    // Those that the file knows and that aren't deployed are not required: whoever reads the file sees to it.
    if (reached === undefined) continue;
    const { promise } = dependency.condition === "service_started" ? reached.started : reached.converged;
    const late = (): Error =>
      new ClusterError(
        "timeout",
        `not begun: ${conditionText(dependency)} was waited for, for ${formatDuration(options.waitTimeoutMs * 1e6)}; see \`murmur service ps\` of it, or give a longer --wait-timeout`,
      );
    try {
      const limit = { clock: cli.ports.clock, limitMs: options.waitTimeoutMs, late, signals: [] };
      await withDeadline(limit, (signal) => interruptible(orAborted(promise, signal), options.signal));
    } catch (error) {
      if (codeOf(error) === "cancelled") throw error;
      const why = codeOf(error) === "timeout" ? messageOf(error) : `not begun: ${conditionText(dependency)} failed`;
      if (dependency.required) throw new ClusterError(codeOf(error), why, { cause: error });
      cli.note(
        `murmur: warning: service ${wish.name} is begun without ${dependency.service}, which isn't required: ${messageOf(error)}`,
      );
    }
  }
}

const conditionText = ({ service, condition }: ComposeDependency): string => `${service} (${condition})`;

function interruptible<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return orAborted(work, signal).catch((error: unknown) => {
    throw signal.aborted ? cancelled() : error;
  });
}

interface Target {
  readonly id: string;
  readonly baseline: Baseline;
}

/** Sends a service. What a node or the cluster wrote to it since the plan is no change of somebody's. */
async function apply(
  step: ServiceStep,
  { client, images, ports }: RollOutOptions & { readonly ports: MovedPorts },
): Promise<Target> {
  const auth = images.authOf(step.wish.spec.TaskTemplate.ContainerSpec.Image);
  if (step.kind === "keep") {
    if (auth.registryAuth !== undefined) await renewLogin(client, step.service, auth);
    return { id: step.service.ID, baseline: await baselineOf(client, step.service) };
  }
  await ports.releaseFor(step, client);
  if (step.kind === "create") {
    const { ID } = await client.createService(step.spec, auth);
    return { id: ID, baseline: NOTHING_BEFORE };
  }
  const { service: planned, spec, wish } = step;
  return changeWithRetry(async () => {
    const service = await client.service(planned.ID);
    if (!ports.isAsPlanned(service.Spec, planned)) {
      const line = `service ${wish.name} was changed by somebody else meanwhile: run the same command again`;
      throw new ClusterError("failed_precondition", line);
    }
    const baseline = await baselineOf(client, service);
    await client.updateService(service.ID, { version: service.Version.Index, spec }, auth);
    return { id: service.ID, baseline };
  });
}

/** A spec that is sent as it stands replaces no task; the login of tasks to come is the new one. */
async function renewLogin(client: MurmurClient, { ID }: Service, auth: RegistryAuth): Promise<void> {
  await changeWithRetry(async () => {
    const { Version, Spec } = await client.service(ID);
    await client.updateService(ID, { version: Version.Index, spec: Spec }, auth);
  });
}

interface Followed extends Target {
  readonly name: string;
  readonly own: Milestones;
  readonly fail: (why: string) => void;
}

async function follow(
  cli: Cli,
  { id, baseline, name, own, fail }: Followed,
  how: RollOutOptions & { readonly enough: AbortSignal },
): Promise<void> {
  const { display, waitTimeoutMs, signal, enough } = how;
  const late = (): Error => new Error("late");
  const limit = { clock: cli.ports.clock, limitMs: waitTimeoutMs, late, signals: [signal, enough] };
  try {
    const outcome = await withDeadline(limit, (ended) =>
      followed(cli, { id, baseline, display: display.of(name), onStarted: own.started.resolve, signal: ended }),
    );
    settle(cli, outcome, { name, own, fail, interrupted: signal.aborted || enough.aborted, waitTimeoutMs });
  } catch (error) {
    fail(messageOf(error));
  }
}

function settle(
  cli: Cli,
  outcome: Outcome,
  how: Omit<Followed, keyof Target> & { readonly interrupted: boolean; readonly waitTimeoutMs: Millis },
): void {
  switch (outcome.kind) {
    case "converged":
      if (outcome.note !== undefined) cli.note(`murmur: ${how.name}: ${outcome.note}`);
      how.own.started.resolve();
      return how.own.converged.resolve();
    case "failed":
      return how.fail(outcome.reasons.join("; "));
    case "interrupted": {
      if (how.interrupted) return;
      const time = formatDuration(how.waitTimeoutMs * 1e6);
      return how.fail(
        `had not converged after ${time}: see \`murmur service ps ${how.name}\`, or give a longer --wait-timeout`,
      );
    }
  }
}
