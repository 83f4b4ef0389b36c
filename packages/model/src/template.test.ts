import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { containerTemplateProblem, expandContainer, expandTemplate, templateProblem } from "./template.ts";
import type { TemplateFacts } from "./template.ts";

const facts: TemplateFacts = {
  service: { id: "s1", name: "web", labels: { zone: "east", "com.example/x": "y" } },
  node: { id: "n1", hostname: "host1", os: "linux", architecture: "amd64" },
  task: { id: "t1", name: "web.3.t1", slot: "3" },
};
const functions = {
  env: (name: string) => (name === "PORT" ? "80" : undefined),
  secret: (name: string) => (name === "key" ? "s3cret" : undefined),
  config: (name: string) => (name === "key" ? "plain" : undefined),
};

const expanded = (text: string, given = facts): string => {
  const result = expandTemplate(text, given);
  return "text" in result ? result.text : `! ${result.problem}`;
};

describe("a template", () => {
  it.each([
    ["nothing", "nothing"],
    ["{{.Service.Name}}-{{.Task.Slot}}", "web-3"],
    ["{{ .Service.ID }} {{.Node.ID}} {{.Node.Hostname}}", "s1 n1 host1"],
    ["{{.Node.Platform.OS}}/{{.Node.Platform.Architecture}}", "linux/amd64"],
    ["{{.Task.ID}} {{.Task.Name}}", "t1 web.3.t1"],
    ["{{.Service.Labels.zone}}{{.Service.Labels.other}}", "east"],
    ['{{index .Service.Labels "com.example/x"}}', "y"],
    ["a {{- .Task.Slot -}} b", "a3b"],
    ['{{"{{"}} {{`}}`}}', "{{ }}"],
    ["a{{/* a comment */}}b", "ab"],
  ])("%s is %s", (text, result) => expect(expanded(text)).toBe(result));

  it.each([
    ['{{env "PORT"}}:{{secret "key"}}:{{config `key`}}', "80:s3cret:plain"],
    ['{{secret "other"}}', '! template: the task has no secret "other"'],
    ['{{env "HOME"}}', '! template: the task has no environment variable "HOME"'],
  ])("of contents: %s is %s", (text, result) => expect(expanded(text, { ...facts, functions })).toBe(result));

  it.each(["{{.Service}}", "{{.Task.Slot | printf}}", "{{if .Task.Slot}}x{{end}}", "{{", "{{.Service.Name", "{{}}"])(
    "%s is refused",
    (text) => expect(templateProblem(text)).toMatch(/^template: /),
  );

  it("calls functions in contents only", () => {
    expect(templateProblem('{{secret "x"}}')).toBe("{{secret …}} works in the contents of secrets and configs only");
    expect(templateProblem('{{secret "x"}}', { hasFunctions: true })).toBeUndefined();
  });

  it("is total, and leaves text without actions alone", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom("{{", "}}", '"', "`", ".Task.Slot", "-"))),
        (parts) => {
          const text = parts.join("");
          const problem = templateProblem(text, { hasFunctions: true });
          const result = expandTemplate(text, { ...facts, functions });
          if (problem !== undefined) expect(result).toEqual({ problem });
          if (!text.includes("{{")) expect(result).toEqual({ text });
        },
      ),
    );
  });
});

describe("a container's templates", () => {
  it("are expanded in env, hostname and mounts, and nowhere else", () => {
    const mount = {
      kind: "volume",
      source: "data-{{.Task.Slot}}",
      target: "/{{.Service.Name}}",
      readOnly: false,
    } as const;
    const spec = { image: "x", args: ["{{.Task.Slot}}"], env: ["A={{.Task.Slot}}"], hostname: "{{.Node.Hostname}}-1" };
    expect(expandContainer({ ...spec, mounts: [mount] }, facts)).toEqual({
      spec: {
        ...spec,
        env: ["A=3"],
        hostname: "host1-1",
        mounts: [{ ...mount, source: "data-3", target: "/web" }],
      },
    });
  });

  it("are only in the values of variables, as with Docker", () => {
    const spec = { image: "x", env: ["{{.NotExpanded}}=foo", "{{.Alone}}", "A==={{.Task.Slot}}"] };
    expect(containerTemplateProblem(spec)).toBeUndefined();
    expect(expandContainer(spec, facts)).toEqual({
      spec: { ...spec, env: ["{{.NotExpanded}}=foo", "{{.Alone}}", "A===3"] },
    });
  });

  it("come out as what was put together, whatever stands between them", () => {
    const action = fc.constantFrom(
      ["{{.Service.Name}}", "web"],
      ["{{ .Task.Slot }}", "3"],
      ["{{.Node.Hostname}}", "host1"],
      ["{{.Service.Labels.zone}}", "east"],
      ['{{index .Service.Labels "com.example/x"}}', "y"],
      ["{{.Service.Labels.none}}", ""],
      ["{{.Node.Platform.OS}}", "linux"],
    );
    const literal = fc
      .string({ unit: "grapheme", maxLength: 6 })
      .filter((text) => !/[{}]/.test(text))
      .map((text) => [text, text]);
    fc.assert(
      fc.property(fc.array(fc.oneof(action, literal), { maxLength: 8 }), (parts) => {
        const text = parts.map(([written]) => written).join("");
        expect(expanded(text)).toBe(parts.map(([, meant]) => meant).join(""));
        expect(templateProblem(text)).toBeUndefined();
      }),
    );
  });

  it("name the field when they can't be", () => {
    const spec = { image: "x", env: ["A=1", "B={{.Foo}}"] };
    expect(containerTemplateProblem(spec)).toMatch(/^env\[1\]: template: \{\{\.Foo\}\} is nothing/);
    expect(expandContainer(spec, facts)).toHaveProperty("problem");
  });
});
