import type { NetworkAttachmentConfig } from "@murmur/api";
import { invalid } from "../../argument-error.ts";
import { splitCsv } from "../csv.ts";
import type { ServiceFlag } from "../flag.ts";
import { replacedByKey } from "../list-edit.ts";

/** `shop`, or `name=shop,alias=db,alias=store`. Errors: `invalid_argument`. */
function parseNetwork(text: string): NetworkAttachmentConfig {
  if (!/^\s*[a-z-]+\s*=/i.test(text)) return { Target: text };
  let target = "";
  const aliases: string[] = [];
  for (const field of splitCsv(text)) {
    const cut = field.indexOf("=");
    const [key, value] = [field.slice(0, cut).trim().toLowerCase(), field.slice(cut + 1).trim()];
    if (cut >= 0 && key === "name") target = value;
    else if (cut >= 0 && key === "alias") aliases.push(value);
    else throw invalid(`invalid network '${text}': '${field}' is none of name= and alias=`);
  }
  if (target === "") throw invalid(`invalid network '${text}': name= is missing`);
  return aliases.length === 0 ? { Target: target } : { Target: target, Aliases: aliases };
}

export const NETWORK_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "list",
    name: "network",
    value: "network",
    help: "Network to be in: NAME, or name=NAME,alias=ALIAS",
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
