import { problem, shown, type ComposeHealthcheck, type Fields } from "@murmur/compose";

import type { Context } from "../context.ts";
import type { ContainerPort } from "./ports.ts";
import { commandFor, toolOf } from "./probe-command.ts";

interface Probe {
  readonly fields: Fields;
  readonly name: string;
  readonly test: readonly string[];
  readonly delayMs: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly failures: number;
}

interface ProbeContext {
  readonly image: string;
  readonly ports: readonly ContainerPort[];
  readonly context: Context;
}

/**
 * The one health check that a container has here, of up to three probes. Its failing takes the task out of balancing and
 * replaces it, which is what liveness and readiness do together; what startup waits for doesn't count until then.
 */
export function readHealthcheck(container: Fields, around: ProbeContext): ComposeHealthcheck | undefined {
  const read = (name: string): Probe | undefined => readProbe(container, name, around);
  const [liveness, readiness, startup] = [read("livenessProbe"), read("readinessProbe"), read("startupProbe")];
  const main = liveness ?? readiness ?? startup;
  if (main === undefined) return undefined;
  const { note } = around.context;
  for (const other of [readiness, startup]) {
    if (other === undefined || other === main) continue;
    if (JSON.stringify(other.test) !== JSON.stringify(main.test)) {
      const why = `a container has one health check here, and it is made of ${main.name}`;
      container.leave(other.name, other.fields.tree, `${why}: give both the same, or leave one out`);
    } else if (other === readiness && times(other) !== times(main)) {
      note(`${container.path}: the health check goes by the times of ${main.name}, not by readinessProbe's`);
    }
  }
  if (main === readiness) note(`${container.path}: a task whose readinessProbe fails is replaced, too`);
  const asleep =
    startup !== undefined && JSON.stringify(startup.test) === JSON.stringify(main.test) ? startup : undefined;
  const startPeriodMs = asleep === undefined ? main.delayMs : asleep.delayMs + asleep.failures * asleep.intervalMs;
  return {
    disable: false,
    test: main.test,
    intervalMs: main.intervalMs,
    timeoutMs: main.timeoutMs,
    retries: main === startup ? 1 : main.failures,
    ...(startPeriodMs > 0 && { startPeriodMs }),
  };
}

const times = ({ intervalMs, timeoutMs, failures }: Probe): string => `${intervalMs} ${timeoutMs} ${failures}`;

/** Undefined where there is none, and where it can't be honoured, which is told. */
function readProbe(container: Fields, name: string, around: ProbeContext): Probe | undefined {
  const fields = container.fields(name);
  if (fields === undefined) return undefined;
  const seconds = (key: string, otherwise: number): number => {
    const value = fields.number(key) ?? otherwise;
    return (value === 0 ? otherwise : value) * 1000;
  };
  const probe = {
    fields,
    name,
    delayMs: seconds("initialDelaySeconds", 0),
    intervalMs: seconds("periodSeconds", 10),
    timeoutMs: seconds("timeoutSeconds", 1),
    failures: fields.number("failureThreshold") ?? 3,
  };
  if ((fields.number("successThreshold") ?? 1) > 1)
    fields.leave("successThreshold", fields.tree, "one success is enough for a health check: leave it out");
  const test = testOf(fields, around);
  return test === undefined ? undefined : { ...probe, test };
}

function testOf(fields: Fields, { image, ports }: ProbeContext): readonly string[] | undefined {
  const kinds = ["exec", "httpGet", "tcpSocket", "grpc"].filter((kind) => fields.tree.entries.has(kind));
  if (kinds.length !== 1)
    throw problem(fields.tree.place, fields.path, "one of exec, httpGet and tcpSocket is expected");
  const exec = fields.fields("exec");
  if (exec !== undefined) {
    const words = exec.texts("command");
    if (words.length === 0) throw problem(exec.tree.place, `${exec.path}.command`, "a command is expected");
    return ["CMD", ...words];
  }
  const http = fields.fields("httpGet");
  const action = http ?? fields.fields("tcpSocket");
  if (action === undefined) return undefined;
  const port = portOf(action, ports);
  const host = plain(action, "host", action.text("host") ?? "127.0.0.1");
  if ((http?.text("scheme") ?? "HTTP") !== "HTTP") {
    action.leave("scheme", action.tree, "a health check over HTTPS needs a command of the image: write it as exec");
    return undefined;
  }
  const path = http === undefined ? "" : plain(http, "path", http.text("path") ?? "/");
  const headers = (http?.each("httpHeaders") ?? []).map((header): readonly [string, string] => [
    plain(header, "name", header.text("name") ?? ""),
    (header.text("value") ?? "").replaceAll(/[\r\n]/g, " "),
  ]);
  const tool = toolOf(image);
  if (tool === undefined) {
    const kind = http === undefined ? "tcpSocket" : "httpGet";
    const example = `exec: {command: [curl, -f, "http://127.0.0.1:${port}${path}"]}`;
    const why = `it is looked at from inside the container here, and ${shown(image)} isn't known to have bash or busybox for that`;
    fields.leave(kind, action.tree, `${why}: write it as a command that the image has, as in ${example}`);
    return undefined;
  }
  const absolute = path.startsWith("/") ? path : `/${path}`;
  return commandFor(tool, { host, port, ...(http === undefined ? {} : { http: { path: absolute, headers } }) });
}

function portOf(action: Fields, ports: readonly ContainerPort[]): number {
  const given = action.text("port") ?? "";
  const named = ports.find(({ name }) => name === given)?.target;
  const port = named ?? (/^\d{1,5}$/.test(given) ? Number(given) : 0);
  if (port >= 1 && port <= 65_535) return port;
  throw problem(
    action.tree.place,
    `${action.path}.port`,
    `a port, or the name of one of the container's, is expected, not ${shown(given)}`,
  );
}

/** Goes into the line of a request. */
function plain(fields: Fields, key: string, given: string): string {
  if (/^[\x21-\x7e]+$/.test(given)) return given;
  throw problem(fields.tree.place, `${fields.path}.${key}`, `text without spaces is expected, not ${shown(given)}`);
}
