import { assert } from "@murmur/base";
import { createApi, type Api } from "../app.ts";
import { schemaProblem } from "../comparison/schemas/answers.ts";
import type { Service } from "../docker/service-types.ts";
import { splitVersion } from "../http/api-version.ts";
import { fakeEngine, FakePorts, type FakeEngine } from "./fake-ports.ts";

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

const OF_CLUSTER = /^[A-Z]+ \/(?:services|tasks|nodes|secrets|configs|swarm)\b/;

/** Asks an API in memory. */
export class Asker {
  readonly ports: FakePorts;
  readonly api: Api;

  readonly engine: FakeEngine;

  constructor(engine = fakeEngine()) {
    this.engine = engine;
    this.ports = FakePorts.onManualClock(engine);
    this.api = createApi(this.ports);
  }

  async ask<T = { message: string }>(path: string, method = "GET", body?: unknown): Promise<Answer<T>> {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body), headers };
    const response = await this.api.fetch(new Request(`http://x${path}`, init));
    const answer = { status: response.status, headers: response.headers, body: parse(await response.text()) as T };
    this.#checkShape(`${method} ${splitVersion(path).path}`, { ...answer, body: answer.body ?? "" });
    return answer;
  }

  /** What this node's replica answers is as Docker's API defines it; what another or the engine does is made up here. */
  #checkShape(ask: string, answer: { readonly status: number; readonly body: unknown }): void {
    if (this.ports.replica === undefined || !OF_CLUSTER.test(ask)) return;
    const problem = schemaProblem(ask, answer);
    assert(problem === undefined, `${ask} is answered as Docker's API defines it: ${problem ?? ""}`);
  }

  /** Makes a service; its id. */
  async create(name: string, more: object = {}): Promise<string> {
    const { status, body } = await this.ask<{ ID: string }>("/services/create", "POST", spec(name, more));
    assert(status === 201, "the service was made");
    return body.ID;
  }

  async inspect(id: string): Promise<Service> {
    return (await this.ask<Service>(`/services/${id}`)).body;
  }

  /** Lets a task of a service run in a slot. */
  runTask(id: string, slot: number, serviceName: string): void {
    const service = this.ports.replica?.store.view.serviceByName(serviceName);
    assert(service !== undefined && this.ports.replica !== undefined, "the service is there");
    this.ports.replica.runTask(service, id, slot);
  }
}

function parse(text: string): unknown {
  if (text === "") return undefined;
  return /^[[{"]/.test(text) ? JSON.parse(text) : text;
}

/** The body of a service to create. */
export const spec = (name: string, more: object = {}) => ({
  Name: name,
  Labels: { tier: name },
  TaskTemplate: { ContainerSpec: { Image: "nginx" } },
  ...more,
});

/** The query of a list. */
export const filters = (given: unknown): string => `filters=${encodeURIComponent(JSON.stringify(given))}`;
