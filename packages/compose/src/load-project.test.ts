import { describe, expect, it } from "vitest";

import { load, web } from "./testing/files.ts";

const SHOP = `
name: shop
services:
  web:
    image: nginx:1.27
    command: nginx -g "daemon off;"
    environment: { MODE: production, WORKERS: 4 }
    ports: ["8080:80", "127.0.0.1:9000-9001:90-91/udp"]
    networks: { front: { aliases: [www] } }
    volumes: ["data:/var/lib/data:ro", ./conf:/etc/nginx]
    healthcheck: { test: curl -f localhost, interval: 1m30s, retries: 3 }
    secrets: [{ source: key, mode: 0440 }]
    deploy:
      replicas: 3
      resources: { limits: { cpus: "0.5", memory: 64M } }
      update_config: { order: start-first, delay: 10s }
networks: { front: { driver: overlay } }
volumes: { data: }
secrets: { key: { file: ./key.txt } }
`;

describe("loadProject", () => {
  it("lets a node make the directory of a bind mount only where that is said: older engines can't", () => {
    const long = "{ type: bind, source: /b, target: /b, bind: { create_host_path: true } }";
    const project = load({ "compose.yaml": `services: { a: { image: x, volumes: ["/a:/a", ${long}] } }` });
    expect(project.services.get("a")?.mounts?.map(({ bind }) => bind)).toEqual([undefined, { createHostPath: true }]);
  });

  it("reads a whole application", () => {
    const project = load({ "compose.yaml": SHOP, "key.txt": "k" });
    expect(project.name).toBe("shop");
    expect(project.services.get("web")).toMatchObject({
      image: "nginx:1.27",
      command: ["nginx", "-g", "daemon off;"],
      environment: new Map([
        ["MODE", "production"],
        ["WORKERS", "4"],
      ]),
      ports: [
        { target: 80, published: 8080, protocol: "tcp", mode: "ingress" },
        { target: 90, published: 9000, protocol: "udp", hostIp: "127.0.0.1" },
        { target: 91, published: 9001, protocol: "udp", hostIp: "127.0.0.1" },
      ],
      networks: [{ network: "front", aliases: ["www"] }],
      mounts: [
        { type: "volume", source: "data", target: "/var/lib/data", readOnly: true },
        { type: "bind", source: "/app/conf", target: "/etc/nginx", readOnly: false },
      ],
      healthcheck: { disable: false, test: ["CMD-SHELL", "curl -f localhost"], intervalMs: 90_000, retries: 3 },
      secrets: [{ source: "key", mode: 0o440 }],
      deploy: {
        replicas: 3,
        limits: { nanoCpus: 5e8, memoryBytes: 64 << 20 },
        updateConfig: { order: "start-first", delayMs: 10_000 },
      },
      others: [],
    });
    expect(project.networks.get("front")).toMatchObject({ driver: "overlay", external: false });
    expect(project.volumes.get("data")).toMatchObject({ external: false });
    expect(project.secrets.get("key")?.data).toEqual(Uint8Array.of(107));
  });

  it("tells what it doesn't model, with its place", () => {
    expect(web("tmpfs: /run:size=1m,noexec")).toMatchObject({
      mounts: [{ type: "tmpfs", target: "/run", tmpfs: { sizeBytes: 1 << 20 } }],
      others: [{ path: "tmpfs[0].noexec", at: "compose.yaml:4" }],
    });
    expect(web("container_name: one\nnetworks: { default: { gw_priority: 1 } }").others).toEqual([
      { path: "container_name", at: "compose.yaml:4" },
      { path: "networks.default.gw_priority", at: "compose.yaml:5" },
    ]);
  });

  it.each([
    ["imagee: x", 'compose.yaml:4: services.web: the field "imagee" isn\'t known; did you mean "image"?'],
    ["ports: [80:x]", 'compose.yaml:4: services.web.ports[0]: "x" is no port in "80:x"; [[IP:]HOST:]CONTAINER'],
    ["ports: ['80-81:80']", "as many ports of the host as of the container"],
    ["user: 1000", 'services.web.user: text is expected, not a number; write "1000" in quotes'],
    [
      "deploy: { mode: globl }",
      'replicated, global, replicated-job, global-job are allowed, not "globl"; did you mean "global"?',
    ],
    ["deploy: { replicas: -1 }", "a whole number of at least 0 is expected"],
    ["stop_grace_period: soon", 'a duration is expected, as in "1m30s"'],
    ["mem_limit: 1 lot", "a size is expected"],
    [
      "mem_limit: 1g\ndeploy: { resources: { limits: { memory: 2g } } }",
      "mem_limit and deploy.resources.limits.memory say different things",
    ],
    ["scale: 2\ndeploy: { replicas: 3 }", "scale and deploy.replicas say different things"],
    ["networks: [front]", 'services.web.networks: there is no network "front"'],
    ["network_mode: host\nnetworks: [default]", "exclude each other"],
    ["depends_on: [db]", 'there is no service "db"'],
    ["depends_on: [wep]", /there is no service "wep" in the file$/],
    ["depends_on: [web]", "services wait for each other: web -> web"],
    ["depends_on: { web: { restart: true } }", 'services.web.depends_on.web: the field "condition" is missing'],
    ["volumes: ['a:/a:rx']", 'the option "rx" isn\'t known'],
    ["volumes: ['data:/a']", 'there is no volume "data"'],
    ["healthcheck: { test: [curl, x] }", "the first word is CMD, CMD-SHELL or NONE"],
    ["env_file: missing.env", "services.web.env_file[0]: there is no file missing.env"],
    ["command: 'echo \"a'", "isn't closed"],
    ["command: { a: b }", "a list is expected"],
  ])("refuses %s", (fields, message) => {
    expect(() => web(fields)).toThrowError(expect.objectContaining({ code: "invalid_argument" }) as Error);
    expect(() => web(fields)).toThrowError(message);
  });
});
