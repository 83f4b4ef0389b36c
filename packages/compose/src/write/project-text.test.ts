import { ClusterError } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Project } from "../project.ts";
import { service as serviceShape } from "../schema/service.ts";
import { load, sourceOf, webFile } from "../testing/files.ts";
import { loadProject } from "../load-project.ts";
import { anyProject } from "../testing/any-project.ts";
import { projectText, type ProjectFormat } from "./project-text.ts";

const FORMATS: readonly ProjectFormat[] = ["yaml", "json"];

/** Read again from another directory: whatever was relative is written out. */
function again(text: string, files: Readonly<Record<string, string>> = {}): Project {
  const source = sourceOf({ ...files, "/elsewhere/compose.yaml": text });
  return loadProject(source, { files: ["/elsewhere/compose.yaml"], profiles: [] });
}

/** Without what has no place in a project. */
function known(project: Project): Project {
  const without = <T extends object>(entries: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...entries].map(([key, value]) => [key, { ...value, others: [] }]));
  return {
    ...project,
    services: without(project.services),
    networks: without(project.networks),
    volumes: without(project.volumes),
    configs: without(project.configs),
    secrets: without(project.secrets),
  };
}

describe.each(FORMATS)("a project as %s", (format) => {
  it("is read again to the same project", () => {
    fc.assert(
      fc.property(anyProject, (project) => {
        expect(again(projectText(project, format))).toEqual(project);
      }),
      { numRuns: 150 },
    );
  });

  it("is read again to the same project, whatever a file says", () => {
    const value = fc.constantFrom<unknown>(
      null,
      true,
      3,
      0.5,
      "",
      "1m",
      "64M",
      "a:b",
      "a=b",
      "$$a",
      "no",
      "80:80/udp",
      "/a",
      "./a:/b:ro",
      "web",
      [],
      ["a", "b"],
      ["A=1", "B"],
      ["80:80"],
      ["./a:/b:z"],
      ["data:/c:nocopy"],
      { a: "b", "<<": "c" },
      [{ driver: "nvidia" }],
      { limits: { cpus: 0.25 } },
      { test: "true", interval: "90s" },
      { resources: { reservations: { devices: [{ capabilities: ["gpu"], count: 1 }] } } },
    );
    const fields = fc.dictionary(fc.constantFrom(...Object.keys(serviceShape.fields)), value, { maxKeys: 6 });
    let read = 0;
    fc.assert(
      fc.property(fields, (some) => {
        let project: Project;
        const files = {
          "compose.yaml": JSON.stringify({ services: { web: { image: "a", ...some } }, volumes: { data: null } }),
        };
        try {
          project = load(files);
        } catch (error) {
          if (error instanceof ClusterError) return;
          throw error;
        }
        read++;
        expect(again(projectText(project, format))).toEqual(known(project));
      }),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(0);
  });

  it("names files and variables, and never shows what they hold", () => {
    const files = {
      "compose.yaml": `${webFile("secrets: [a, b]")}secrets: { a: { file: ./a.txt }, b: { environment: B } }\n`,
      "a.txt": "hush",
    };
    const source = sourceOf(files, { B: "quiet" });
    const project = loadProject(source, { files: ["compose.yaml"], profiles: [] });
    const text = projectText(project, format);
    expect(text).not.toMatch(/hush|quiet/);
    expect(text).toContain("/app/a.txt");
  });
});

it("says of a secret that came from elsewhere that a file can't hold it", () => {
  const project = load({ "compose.yaml": `${webFile("")}secrets: { a: { file: ./a.txt } }\n`, "a.txt": "hush" });
  const [key, { origin: _origin, ...payload }] = [...project.secrets][0] ?? ["", { origin: undefined }];
  const moved = { ...project, secrets: new Map([[key, payload]]) } as Project;
  expect(() => projectText(moved, "yaml")).toThrowError(/^secrets\.a: a Compose file has no place/);
});

it("is written for people: fields in their usual order, words that YAML takes for something else quoted", () => {
  const text = projectText(
    load({ "compose.yaml": webFile('restart: "no"\nports: ["8080:80"]\nenvironment: [A=$$x]') }),
    "yaml",
  );
  expect(text).toBe(`services:
  web:
    image: nginx
    environment:
      A: $$x
    ports:
      - mode: ingress
        target: 80
        published: 8080
        protocol: tcp
    restart: "no"
`);
});
