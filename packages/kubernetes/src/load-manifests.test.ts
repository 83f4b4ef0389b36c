import { describe, expect, it } from "vitest";

import { deployment, load, web } from "./testing/manifests.ts";

const BEGINNER = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: nginx-deployment
  labels:
    app: nginx
spec:
  replicas: 2
  selector:
    matchLabels:
      app: nginx
  template:
    metadata:
      labels:
        app: nginx
    spec:
      containers:
        - name: nginx
          image: nginx:1.14.2
          ports:
            - containerPort: 80
---
apiVersion: v1
kind: Service
metadata:
  name: nginx
spec:
  type: NodePort
  selector:
    app: nginx
  ports:
    - port: 80
      targetPort: 80
      nodePort: 30000
`;

const service = (spec: string, name = "front"): string =>
  `---\napiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: ${spec}\n`;

it("runs a beginner's example unchanged", () => {
  const { project, unsupported, notes } = load(BEGINNER);
  expect({ unsupported, notes }).toEqual({ unsupported: [], notes: [] });
  expect(project.services.get("nginx-deployment")).toMatchObject({
    image: "nginx:1.14.2",
    labels: new Map([["app", "nginx"]]),
    ports: [{ target: 80, published: 30_000, protocol: "tcp", mode: "ingress" }],
    networks: [
      {
        network: "default",
        aliases: ["nginx", "nginx.default", "nginx.default.svc", "nginx.default.svc.cluster.local"],
      },
    ],
    stopGracePeriodMs: 30_000,
    deploy: {
      replicas: 2,
      labels: new Map([["app", "nginx"]]),
      updateConfig: { parallelism: 1, order: "start-first" },
    },
  });
});

it("reads the same as JSON, as a List, and what a server has written into it", () => {
  const json = JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: [
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "web", uid: "1", resourceVersion: "7", creationTimestamp: null },
        spec: {
          selector: { matchLabels: { app: "web" } },
          template: {
            metadata: { labels: { app: "web" }, creationTimestamp: null },
            spec: {
              containers: [
                { name: "web", image: "nginx:1.27", resources: {}, terminationMessagePath: "/dev/termination-log" },
              ],
              dnsPolicy: "ClusterFirst",
              restartPolicy: "Always",
              schedulerName: "default-scheduler",
            },
          },
        },
        status: { replicas: 3, anything: [1] },
      },
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" }, spec: { finalizers: ["kubernetes"] } },
    ],
  });
  const { project, unsupported } = load(json, "web.json");
  expect(unsupported).toEqual([]);
  expect(project.services.get("web")?.image).toBe("nginx:1.27");
});

describe("mistakes are refused with file, line and what to do", () => {
  it.each([
    [
      "an unknown field",
      deployment({ container: "commnd: [a]" }),
      'web.yaml:16: deployment/web.spec.template.spec.containers[0]: the field "commnd" isn\'t known; did you mean "command"?',
    ],
    [
      "a field of nobody's own",
      deployment({ container: "x-mine: 1" }),
      'web.yaml:16: deployment/web.spec.template.spec.containers[0]: the field "x-mine" isn\'t known',
    ],
    [
      "a wrong type",
      deployment({ spec: "replicas: many" }),
      'web.yaml:18: deployment/web.spec.replicas: a whole number of at least 0 is expected, not "many"',
    ],
    [
      "a wrong quantity",
      deployment({ container: "resources: { limits: { cpu: 1x } }" }),
      'web.yaml:16: deployment/web.spec.template.spec.containers[0].resources.limits.cpu: a quantity is expected, as in "100m", "0.5" or "128Mi", not "1x"',
    ],
    [
      "a selector of other pods",
      deployment().replace("matchLabels: { app: web }", "matchLabels: { app: api }"),
      'web.yaml:6: deployment/web.spec.selector.matchLabels: the template\'s labels have no "app: api"; add it to spec.template.metadata.labels',
    ],
    [
      "an old version",
      deployment().replace("apps/v1", "extensions/v1beta1"),
      'web.yaml:1: Deployment: apiVersion: apps/v1 is expected, not "extensions/v1beta1"',
    ],
    ["a misspelled kind", "kind: Deploymnt", 'web.yaml:1: there is no kind "Deploymnt"; did you mean "Deployment"?'],
    [
      "a Service for nobody",
      deployment() + service("{ selector: { app: api }, ports: [{ port: 80 }] }"),
      'web.yaml:23: service/front.spec.selector: no Deployment of the files has pods labelled "app: api"; use its spec.template.metadata.labels',
    ],
    [
      "a port that isn't there",
      deployment() + service("{ selector: { app: web }, ports: [{ port: 80, targetPort: https }] }"),
      'web.yaml:23: service/front.spec.ports[0].targetPort: "https" is no port of web\'s container; there are http',
    ],
    [
      "a key that isn't there",
      deployment({ container: "env: [{ name: A, valueFrom: { configMapKeyRef: { name: c, key: k } } }]" }),
      'web.yaml:16: deployment/web.spec.template.spec.containers[0].env[0].valueFrom.configMapKeyRef: there is no ConfigMap "c" in the files; add it, or say optional: true',
    ],
    [
      "plain text as data of a Secret",
      "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\ndata:\n  a: hush!",
      "web.yaml:5: secret/s.data.a: base64 is expected; plain text goes under stringData",
    ],
    [
      "two namespaces",
      `${deployment().replace("name: web\nspec", "name: web\n  namespace: shop\nspec")}${service("{ selector: { app: web } }")}`,
      'web.yaml:21: service/front.metadata.namespace: a stack is one namespace, and deployment/web is in "shop"; deploy the other as a stack of its own',
    ],
    [
      "the same twice",
      `${deployment()}---\n${deployment()}`,
      "web.yaml:20: deployment/web: it is there already, at web.yaml:1; rename one",
    ],
    [
      "an empty item of a list",
      deployment({ container: "envFrom: [null]" }),
      "web.yaml:16: deployment/web.spec.template.spec.containers[0].envFrom[0]: a mapping is expected, with prefix, configMapRef, secretRef, not nothing",
    ],
    ["nothing at all", "# nothing\n", "web.yaml: the file is empty; a manifest has apiVersion, kind and metadata"],
  ])("%s", (_what, text, message) => {
    expect(() => load(text)).toThrowError(new RegExp(`^${RegExp.escape(message)}`));
  });
});

it("names what can't be mapped, line by line, and what to do", () => {
  const { unsupported } = load(
    `${deployment({
      container: "lifecycle: {}\nlivenessProbe: { grpc: { port: 1 } }",
      pod: "initContainers: [{ name: a }]\nvolumes: [{ name: a, persistentVolumeClaim: { claimName: a } }, { name: b, emptyDir: {} }]",
      spec: "paused: true",
    }).replace(
      "ports: [{",
      "volumeMounts: [{ name: a, mountPath: /a }]\n          ports: [{",
    )}---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: i }\n${service(
      "{ selector: { app: web }, sessionAffinity: ClientIP, ports: [{ port: 8080, targetPort: 80 }] }",
    )}`,
  );
  const pod = "deployment/web.spec.template.spec";
  expect(unsupported.map(({ at, path, says }) => `${at} ${path} ${says}`).toSorted()).toEqual(
    [
      "web.yaml:23 ingress/i run a proxy as a Deployment with a NodePort Service, and route by its configuration",
      `web.yaml:17 ${pod}.containers[0].lifecycle do it in the container's command, which gets a signal when it has to stop`,
      `web.yaml:18 ${pod}.containers[0].livenessProbe.grpc write it as exec, with a command of the image`,
      `web.yaml:19 ${pod}.initContainers a task is one container: do it in the container's command, or deploy from a Compose file with depends_on`,
      `web.yaml:20 ${pod}.volumes[0].persistentVolumeClaim volumes are made on each node: use hostPath, or deploy from a Compose file with volumes`,
      "web.yaml:21 deployment/web.spec.paused nothing in a cluster honours it: leave it out",
      "web.yaml:30 service/front.spec.sessionAffinity connections go to all tasks in turn: leave it out",
      "web.yaml:30 service/front.spec.ports[0].port services of the stack reach it at port 80, the container's, not at 8080: say port: 80",
    ].toSorted(),
  );
});

it("names each further container once", () => {
  const ports = "ports: [{ name: http, containerPort: 80 }]";
  const more = "        - { name: log, image: busybox, env: [{ name: A, value: b }] }";
  const text = deployment().replace(ports, `${ports}\n${more}`);
  expect(load(text).unsupported).toEqual([
    {
      at: "web.yaml:16",
      path: "deployment/web.spec.template.spec.containers[1]",
      says: "a task is one container: make it a Deployment of its own",
    },
  ]);
});

describe("Services", () => {
  const exposed = (spec: string): ReturnType<typeof load> => load(deployment() + service(spec));
  it("publish what they say, by number and by name", () => {
    const ports = (spec: string): unknown =>
      exposed(spec)
        .project.services.get("web")
        ?.ports.map(({ target, published, protocol }) => [target, published, protocol]);
    expect(ports("{ selector: { app: web }, ports: [{ port: 80 }] }")).toEqual([]);
    expect(ports("{ type: NodePort, selector: { app: web }, ports: [{ port: 80, targetPort: http }] }")).toEqual([
      [80, undefined, "tcp"],
    ]);
    expect(
      ports(
        "{ type: LoadBalancer, selector: { app: web }, ports: [{ port: 443, targetPort: http, nodePort: 30001, protocol: UDP }] }",
      ),
    ).toEqual([
      [80, 443, "udp"],
      [80, 30_001, "udp"],
    ]);
  });

  it("say where services of the stack find what is published at another port", () => {
    const { notes, unsupported } = exposed(
      "{ type: LoadBalancer, selector: { app: web }, ports: [{ port: 8080, targetPort: 80 }] }",
    );
    expect(unsupported).toEqual([]);
    expect(notes).toEqual([
      "service/front.spec.ports[0]: services of the stack reach it at port 80, the container's, not at 8080",
    ]);
  });

  it("without an address are found by their tasks' addresses", () => {
    const { project } = exposed("{ clusterIP: None, selector: { app: web }, ports: [{ port: 8080, targetPort: 80 }] }");
    expect(project.services.get("web")?.deploy.endpointMode).toBe("dnsrr");
  });

  it("can't take the name of another Deployment", () => {
    const other = deployment().replaceAll("web", "api");
    expect(() => load(`${deployment()}---\n${other}${service("{ selector: { app: web } }", "api")}`)).toThrowError(
      'service/api: the Deployment "api" has the same name, and isn\'t the one that this selects (web); rename one',
    );
  });
});

const PAYLOADS = `---
apiVersion: v1
kind: ConfigMap
metadata: { name: site }
data: { index.html: hello, MODE: "production" }
binaryData: { logo: AAH/ }
---
apiVersion: v1
kind: Secret
metadata: { name: db }
type: Opaque
data: { PASSWORD: aHVzaA== }
stringData: { USER: root }
`;

describe("variables", () => {
  it("come from values, ConfigMaps, Secrets and the task, with others put in", () => {
    const { environment, entrypoint, command } = web(
      {
        container: `
command: [run, $(MODE), $(NONE), $$(MODE)]
args: ["$(URL)"]
envFrom: [{ secretRef: { name: db }, prefix: DB_ }, { configMapRef: { name: gone, optional: true } }]
env:
- { name: MODE, valueFrom: { configMapKeyRef: { name: site, key: MODE } } }
- { name: URL, value: "$(DB_USER):$(DB_PASSWORD)@$$(x)" }
- { name: SELF, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
- { name: APP, valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }
- { name: MISSING, valueFrom: { secretKeyRef: { name: db, key: none, optional: true } } }`,
      },
      PAYLOADS,
    );
    expect(Object.fromEntries(environment)).toEqual({
      DB_PASSWORD: "hush",
      DB_USER: "root",
      MODE: "production",
      URL: "root:hush@$(x)",
      SELF: "{{.Task.Name}}",
      APP: "web",
    });
    expect({ entrypoint, command }).toEqual({
      entrypoint: ["run", "production", "$(NONE)", "$(MODE)"],
      command: ["root:hush@$(x)"],
    });
  });

  it("that the cluster would take for templates are named", () => {
    const { unsupported } = load(deployment({ container: 'env: [{ name: A, value: "{{ x }}" }]' }));
    expect(unsupported.map(({ path }) => path)).toEqual([
      "deployment/web.spec.template.spec.containers[0].env[0].value",
    ]);
  });
});

describe("volumes", () => {
  it("of ConfigMaps and Secrets are their files, chosen and renamed", () => {
    const { project, unsupported } = load(
      deployment({
        container: `
volumeMounts:
- { name: site, mountPath: /usr/share/nginx/html, readOnly: true }
- { name: db, mountPath: /run/db }
- { name: site, mountPath: /logo.png, subPath: logo }`,
        pod: `
volumes:
- { name: site, configMap: { name: site } }
- { name: db, secret: { secretName: db, defaultMode: 0400, items: [{ key: PASSWORD, path: my/password }] } }`,
      }) + PAYLOADS,
    );
    expect(unsupported).toEqual([]);
    const service = project.services.get("web");
    expect(service?.configs.map(({ source, target }) => [source, target])).toEqual([
      ["site_logo", "/usr/share/nginx/html/logo"],
      ["site_index.html", "/usr/share/nginx/html/index.html"],
      ["site_MODE", "/usr/share/nginx/html/MODE"],
      ["site_logo", "/logo.png"],
    ]);
    expect(service?.secrets).toEqual([{ source: "db_PASSWORD", target: "/run/db/my/password", mode: 0o400 }]);
    expect(project.configs.get("site_logo")?.data).toEqual(Uint8Array.of(0, 1, 255));
    expect([...project.secrets.keys()]).toEqual(["db_PASSWORD"]);
  });

  it("of the task and of the node are mounts", () => {
    const { mounts } = web({
      container: `
volumeMounts:
- { name: cache, mountPath: /cache/ }
- { name: memory, mountPath: /fast }
- { name: logs, mountPath: /logs, subPath: web, readOnly: true, mountPropagation: HostToContainer }`,
      pod: `
volumes:
- { name: cache, emptyDir: {} }
- { name: memory, emptyDir: { medium: Memory, sizeLimit: 64Mi } }
- { name: logs, hostPath: { path: /var/log, type: Directory } }
- { name: idle, configMap: { name: nowhere } }`,
    });
    expect(mounts).toEqual([
      { type: "volume", target: "/cache", readOnly: false },
      { type: "tmpfs", target: "/fast", readOnly: false, tmpfs: { sizeBytes: 64 << 20 } },
      {
        type: "bind",
        source: "/var/log/web",
        target: "/logs",
        readOnly: true,
        bind: { propagation: "rslave", createHostPath: false },
      },
    ]);
  });
});

describe("the pod", () => {
  it("has its resources, and asks for what it may have", () => {
    const { deploy, deviceRequests } = web({
      container: 'resources: { limits: { cpu: 500m, memory: 128Mi, nvidia.com/gpu: 1 }, requests: { cpu: "0.25" } }',
    });
    expect(deploy.limits).toEqual({ nanoCpus: 5e8, memoryBytes: 128 << 20 });
    expect(deploy.reservations).toEqual({ nanoCpus: 2.5e8, memoryBytes: 128 << 20 });
    expect(deviceRequests).toEqual([{ count: 1, deviceIds: [], capabilities: ["gpu"] }]);
  });

  it("says where it runs, as whom, and how long it may take to stop", () => {
    expect(
      web({
        container: "securityContext: { runAsUser: 7, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }",
        pod: "terminationGracePeriodSeconds: 5\nnodeSelector: { disk: ssd, kubernetes.io/arch: amd64 }\nsecurityContext: { runAsGroup: 8, runAsNonRoot: true }\nhostAliases: [{ ip: 10.0.0.1, hostnames: [a, b] }]",
      }),
    ).toMatchObject({
      user: "7:8",
      readOnly: true,
      capDrop: ["ALL"],
      stopGracePeriodMs: 5000,
      extraHosts: [
        ["a", "10.0.0.1"],
        ["b", "10.0.0.1"],
      ],
      deploy: { placement: { constraints: ["node.labels.disk==ssd", "node.platform.arch==x86_64"] } },
    });
  });

  it.each([
    ["replicas: 10", { parallelism: 3, order: "start-first" }],
    ["replicas: 1", { parallelism: 1, order: "start-first" }],
    [
      "replicas: 10\nstrategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 30% } }",
      { parallelism: 3, order: "stop-first" },
    ],
    [
      "replicas: 2\nstrategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 10% } }",
      { parallelism: 1, order: "stop-first" },
    ],
    ["strategy: { type: Recreate }", { parallelism: 0, order: "stop-first" }],
    ["minReadySeconds: 3", { parallelism: 1, order: "start-first", delayMs: 3000, monitorMs: 3000 }],
  ])("is updated as %s says", (spec, update) => {
    expect(web({ spec }).deploy.updateConfig).toEqual(update);
  });
});
