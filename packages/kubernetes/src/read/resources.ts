import { problem, shown, textOf, type ComposeDeviceRequest, type ComposeResources, type Fields } from "@murmur/compose";

import { bytesOf, nanoCpusOf } from "../quantity.ts";

interface Resources {
  readonly limits?: ComposeResources;
  readonly reservations?: ComposeResources;
  readonly deviceRequests: readonly ComposeDeviceRequest[];
}

const GPU = "nvidia.com/gpu";

/** Limits and requests; what has a limit and no request asks for its limit, as in Kubernetes. */
export function readResources(container: Fields): Resources {
  const fields = container.fields("resources");
  if (fields === undefined) return { deviceRequests: [] };
  const limits = amounts(fields, "limits");
  const requests = { ...limits, ...amounts(fields, "requests") };
  const gpus = fields.entries("limits").get(GPU) ?? fields.entries("requests").get(GPU);
  const count = gpus === undefined ? 0 : Number(textOf(gpus));
  if (gpus !== undefined && !Number.isSafeInteger(count))
    throw problem(gpus.place, `${fields.path}.limits.${GPU}`, `a whole number is expected, not ${shown(textOf(gpus))}`);
  return {
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(Object.keys(requests).length > 0 && { reservations: requests }),
    deviceRequests: count > 0 ? [{ count, deviceIds: [], capabilities: ["gpu"] }] : [],
  };
}

function amounts(fields: Fields, key: "limits" | "requests"): { nanoCpus?: number; memoryBytes?: number } {
  const found: { nanoCpus?: number; memoryBytes?: number } = {};
  for (const [name, tree] of fields.entries(key)) {
    const given = textOf(tree);
    const read = name === "cpu" ? nanoCpusOf(given) : bytesOf(given);
    if (name === "cpu" || name === "memory") {
      if (read === undefined) throw problem(tree.place, `${fields.path}.${key}.${name}`, `${shown(given)} is too much`);
      if (name === "cpu") found.nanoCpus = read;
      else found.memoryBytes = read;
    } else if (name !== GPU) {
      fields.leave(`${key}.${name}`, tree, "tasks have limits of cpu and memory here: leave it out");
    }
  }
  return found;
}
