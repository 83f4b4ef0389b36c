import { encodeUtf8, type ComposeService } from "@murmur/compose";

import { loadManifests, type Application } from "../load-manifests.ts";

export const load = (text: string, name = "web.yaml"): Application =>
  loadManifests([{ name, bytes: encodeUtf8(text) }]);

const indented = (text: string, by: number): string =>
  text
    .trim()
    .split("\n")
    .map((line) => " ".repeat(by) + line)
    .join("\n");

/** A Deployment `web`, of which more is said at three places; the lines aren't indented. `container` begins at line 16. */
export function deployment(
  more: {
    readonly container?: string;
    readonly pod?: string;
    readonly spec?: string;
    readonly image?: string;
  } = {},
): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: { app: web }
  template:
    metadata:
      labels: { app: web }
    spec:
      containers:
        - name: web
          image: ${more.image ?? "nginx:1.27"}
          ports: [{ name: http, containerPort: 80 }]
${indented(more.container ?? "", 10)}
${indented(more.pod ?? "", 6)}
${indented(more.spec ?? "", 2)}
`;
}

/** The service that a Deployment becomes; nothing of it may be unsupported. */
export function web(more: Parameters<typeof deployment>[0], others = ""): ComposeService {
  const { project, unsupported } = load(deployment(more) + others);
  const service = project.services.get("web");
  if (service === undefined || unsupported.length > 0) throw new Error(JSON.stringify(unsupported));
  return service;
}
