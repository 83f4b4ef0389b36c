import { ClusterError } from "@murmur/base";
import { projectText } from "@murmur/compose";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { loadManifests, type Application } from "./load-manifests.ts";
import { KIND_SHAPES, KINDS } from "./schema/kinds.ts";
import { load } from "./testing/manifests.ts";

/** Runs it; nothing but a ClusterError of one line may come out. */
function calm(run: () => Application): Application | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    expect(error.message).not.toMatch(/\n/);
    return undefined;
  }
}

/** All names of fields that any kind has. */
const NAMES: readonly string[] = [
  ...new Set(
    KINDS.flatMap(function namesOf(kind): string[] {
      const names: string[] = [];
      const walk = (shape: unknown): void => {
        if (typeof shape !== "object" || shape === null) return;
        if ("fields" in shape) {
          for (const [name, inner] of Object.entries(shape.fields as object)) {
            names.push(name);
            walk(inner);
          }
        }
        if ("items" in shape) walk(shape.items);
        if ("values" in shape) walk(shape.values);
      };
      walk(KIND_SHAPES[kind].shape);
      return names;
    }),
  ),
];

/** A value of a shape, or now and then of none. */
function valueOf(shape: unknown, depth: number): fc.Arbitrary<unknown> {
  const wild = fc.constantFrom<unknown>(
    null,
    true,
    3,
    -1,
    "",
    "web",
    "a b",
    "$(A)",
    "25%",
    "128Mi",
    "/a",
    [],
    {},
    ["a"],
    { a: "b" },
  );
  const { kind, fields, required, items, values } = shape as {
    kind: string;
    fields?: object;
    required?: string[];
    items?: unknown;
    values?: unknown;
  };
  const fitting = (): fc.Arbitrary<unknown> => {
    if (depth > 14) return wild;
    if (kind === "object") {
      const entries = Object.entries(fields ?? {}).map(([name, inner]): [string, fc.Arbitrary<unknown>] => [
        name,
        fc.oneof(
          { weight: 200, arbitrary: fc.constant(undefined).chain(() => valueOf(inner, depth + 1)) },
          { weight: 1, arbitrary: wild },
        ),
      ]);
      return fc
        .uniqueArray(fc.constantFrom(...entries.map(([name]) => name)), { maxLength: 4 })
        .chain((chosen) =>
          fc.record(
            Object.fromEntries(entries.filter(([name]) => chosen.includes(name) || required?.includes(name) === true)),
          ),
        );
    }
    if (kind === "list") return fc.array(valueOf(items, depth + 1), { maxLength: 2 });
    if (kind === "map")
      return fc.dictionary(fc.constantFrom("app", "cpu", "memory", "A"), valueOf(values, depth + 1), { maxKeys: 2 });
    if (kind === "flag") return fc.boolean();
    if (kind === "number") return fc.integer({ min: 0, max: 500 });
    return fc.constantFrom(
      "web",
      "80",
      "1",
      "25%",
      "/a",
      "a",
      "ClusterIP",
      "NodePort",
      "Recreate",
      "{{x}}",
      "$(A)$$(B)",
      "128Mi",
      "aGk=",
    );
  };
  return fc.oneof({ weight: 200, arbitrary: fc.constant(undefined).chain(fitting) }, { weight: 1, arbitrary: wild });
}

describe("any input", () => {
  it("text is read or refused", () => {
    const parts = fc.array(
      fc.constantFrom(
        "kind:",
        " Deployment",
        " List",
        "apiVersion: v1",
        "\n",
        "  ",
        "- ",
        "a",
        ": ",
        "&a",
        "*a",
        "<<",
        "{",
        "}",
        "[",
        "]",
        '"',
        "|",
        "#",
        "---\n",
        "items:",
        "!reset",
      ),
    );
    fc.assert(
      fc.property(parts, (some) => void calm(() => load(some.join("")))),
      { numRuns: 1000 },
    );
  });

  it("bytes are read or refused", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void calm(() => loadManifests([{ name: "a", bytes }]))));
  });

  it("objects are read or refused, and what is read can be shown, but for contents that no text holds", () => {
    const shapeAt = (...path: readonly string[]): unknown => {
      let shape: unknown = KIND_SHAPES.Deployment.shape;
      for (const name of path)
        shape =
          name === "[]"
            ? (shape as { items: unknown }).items
            : (shape as { fields: Record<string, unknown> }).fields[name];
      return shape;
    };
    const objectOf = (shape: unknown): fc.Arbitrary<object> =>
      valueOf(shape, 0).map((value) =>
        typeof value === "object" && value !== null && !Array.isArray(value) ? value : {},
      );
    const pod = ["spec", "template", "spec"];
    const deployment = fc
      .tuple(objectOf(shapeAt("spec")), objectOf(shapeAt(...pod)), objectOf(shapeAt(...pod, "containers", "[]")))
      .map(([spec, podSpec, container]) => ({
        spec: {
          ...spec,
          selector: { matchLabels: { app: "web" } },
          template: {
            metadata: { labels: { app: "web" } },
            spec: { ...podSpec, containers: [{ ...container, name: "web", image: "nginx:1" }] },
          },
        },
      }));
    const others = fc.constantFrom("Service", "ConfigMap", "Secret", "Namespace", "Deployment");
    const manifest = fc
      .oneof(
        deployment.map((body) => ({ ...body, kind: "Deployment" as const })),
        others.chain((kind) => objectOf(KIND_SHAPES[kind].shape).map((body) => ({ ...body, kind }))),
      )
      .map((body) => ({ ...body, apiVersion: KIND_SHAPES[body.kind].apiVersion, metadata: { name: "web" } }));
    let shown = 0;
    fc.assert(
      fc.property(fc.array(manifest, { maxLength: 3 }), (items) => {
        const read = calm(() => load(JSON.stringify({ apiVersion: "v1", kind: "List", items })));
        if (read === undefined) return;
        try {
          expect(projectText(read.project, "yaml")).not.toBe("");
          if (read.project.services.size > 0) shown++;
        } catch (error) {
          expect(error).toBeInstanceOf(ClusterError);
        }
      }),
      { numRuns: 1000 },
    );
    expect(shown).toBeGreaterThan(0);
  });
});

it("an unknown field is told with its line, wherever it stands", () => {
  const fields = fc.uniqueArray(
    fc.constantFrom<string>("replicas: 1", "paused: false", "minReadySeconds: 2", "progressDeadlineSeconds: 3"),
  );
  const unknown = fc.stringMatching(/^[a-z]{1,12}$/).filter((name) => !NAMES.includes(name));
  fc.assert(
    fc.property(fields, fc.nat(4), unknown, fc.nat(3), (some, at, name, blank) => {
      const lines = [...some];
      lines.splice(at, 0, `${name}: 1`);
      const spec = lines.map((line) => `  ${line}`);
      const text = [
        "apiVersion: apps/v1",
        "kind: Deployment",
        "metadata: { name: web }",
        ...Array<string>(blank).fill("# more"),
        "spec:",
        ...spec,
      ];
      const line = text.indexOf(`  ${name}: 1`) + 1;
      expect(() => load(text.join("\n"))).toThrowError(
        new RegExp(`^web\\.yaml:${line}: deployment/web\\.spec: the field "${name}" isn't known`),
      );
    }),
  );
});
