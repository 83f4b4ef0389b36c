import type { NetworkAttachmentConfig } from "@murmur/api";
import { invalid } from "../../argument-error.ts";
import { parseAssignments } from "../../units/assignment.ts";
import { splitCsv } from "../csv.ts";
import type { ServiceFlag } from "../flag.ts";
import { replacedByKey } from "../list-edit.ts";

/** `shop`, or `name=shop,alias=db,alias=store,driver-opt=KEY=VALUE`. Errors: `invalid_argument`. */
function parseNetwork(text: string): NetworkAttachmentConfig {
  if (!/^\s*[a-z-]+\s*=/i.test(text)) return { Target: text };
  let target = "";
  const aliases: string[] = [];
  const options: string[] = [];
  for (const field of splitCsv(text)) {
    const cut = field.indexOf("=");
    const [key, value] = [field.slice(0, cut).trim().toLowerCase(), field.slice(cut + 1).trim()];
    if (cut >= 0 && key === "name") target = value;
    else if (cut >= 0 && key === "alias") aliases.push(value);
    else if (cut >= 0 && key === "driver-opt") options.push(value);
    else throw invalid(`invalid network '${text}': '${field}' is none of name=, alias= and driver-opt=`);
  }
  if (target === "") throw invalid(`invalid network '${text}': name= is missing`);
  return {
    Target: target,
    ...(aliases.length > 0 && { Aliases: aliases }),
    ...(options.length > 0 && { DriverOpts: parseAssignments(options) }),
  };
}

export const NETWORK_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "list",
    name: "network",
    value: "network",
    help: "Network to be in: NAME, or name=NAME,alias=ALIAS,driver-opt=KEY=VALUE",
    add({ TaskTemplate }, texts, { networkId }) {
      const added = texts.map(parseNetwork).map((network) => ({ ...network, Target: networkId(network.Target) }));
      TaskTemplate.Networks = replacedByKey(TaskTemplate.Networks, added, ({ Target }) => Target);
    },
    remove: {
      value: "network",
      help: "Leave a network",
      from({ TaskTemplate }, texts, { networkId }) {
        const gone = texts.map(networkId);
        TaskTemplate.Networks = (TaskTemplate.Networks ?? []).filter(({ Target }) => !gone.includes(Target));
      },
    },
  },
];
