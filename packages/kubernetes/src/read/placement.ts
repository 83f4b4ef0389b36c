import { problem, shown, type ComposeDeploy, type Fields } from "@murmur/compose";

/** Labels that Kubernetes gives its nodes, and what says the same here. */
const KNOWN: Readonly<Record<string, string>> = {
  "kubernetes.io/hostname": "node.hostname",
  "kubernetes.io/os": "node.platform.os",
  "kubernetes.io/arch": "node.platform.arch",
  "topology.kubernetes.io/zone": "node.labels.zone",
};
/** Go's names of processors, and the engine's. */
const PROCESSORS: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  "386": "i686",
  arm: "armv7l",
};

/** `nodeSelector` and `nodeName` as constraints. */
export function readPlacement(pod: Fields): ComposeDeploy["placement"] {
  const constraints: string[] = [];
  for (const [label, value] of pod.labels("nodeSelector")) {
    if (/[=!\s]/.test(`${label}${value}`))
      throw problem(
        pod.tree.place,
        `${pod.path}.nodeSelector`,
        `${shown(`${label}: ${value}`)} is no label and its value`,
      );
    const wanted = label === "kubernetes.io/arch" ? (PROCESSORS[value] ?? value) : value;
    constraints.push(`${Object.hasOwn(KNOWN, label) ? KNOWN[label] : `node.labels.${label}`}==${wanted}`);
  }
  const node = pod.text("nodeName");
  if (node !== undefined && node !== "") constraints.push(`node.hostname==${node}`);
  return constraints.length === 0 ? undefined : { constraints, preferences: [] };
}
