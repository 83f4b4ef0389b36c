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
    ['{{secret "other"}}', '! template: column 3: the task has no secret "other"'],
    ['{{env "HOME"}}', '! template: column 3: the task has no environment variable "HOME"'],
  ])("of contents: %s is %s", (text, result) => expect(expanded(text, { ...facts, functions })).toBe(result));

  it.each(["{{.Service}}", "{{.}}", "{{if .Task.Slot}}x", "{{", "{{.Service.Name", "{{}}"])("%s is refused", (text) =>
    expect(templateProblem(text)).toMatch(/^template: /),
  );

  it("calls functions in contents only", () => {
    expect(templateProblem('{{secret "x"}}')).toBe(
      "template: column 3: {{secret …}} works in the contents of secrets and configs only",
    );
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
          // A whole path is looked at before, name by name when it is expanded: the words may differ.
          if (problem !== undefined) expect(result).toEqual({ problem: expect.stringMatching(/^template: /) });
          if (!text.includes("{{")) expect(result).toEqual({ text });
        },
      ),
    );
  });
});

describe("Go's language", () => {
  it.each([
    ['{{if eq .Task.Slot "3"}}third{{else}}other{{end}}', "third"],
    ['{{if eq .Task.Slot "1"}}a{{else if eq .Task.Slot "2" "3"}}b{{else}}c{{end}}', "b"],
    ["{{if .Service.Labels.none}}a{{end}}b", "b"],
    ["{{range $name, $value := .Service.Labels}}{{$name}}={{$value}};{{end}}", "com.example/x=y;zone=east;"],
    ["{{range .Service.Labels}}<{{.}}>{{end}}", "<y><east>"],
    ["{{with .Service.Labels.zone}}in {{.}} by {{$.Service.Name}}{{else}}nowhere{{end}}", "in east by web"],
    ["{{with .Service}}{{.Name}}{{end}}", "web"],
    ["{{with .Service.Labels.none}}{{.}}{{else}}nowhere{{end}}", "nowhere"],
    ['{{$a := "x"}}{{if true}}{{$a = "y"}}{{end}}{{$a}}', "y"],
    ['{{$a := "x"}}{{if true}}{{$a := "y"}}{{end}}{{$a}}', "x"],
    ['{{.Task.Slot | printf "%s-%s" "a"}}', "a-3"],
    [
      '{{printf "%03s|%-4s|%5.2s|%q|%d|%x|%t|100%%|%v" .Task.Slot "ab" "xyz" "q" 42 255 true 7}}',
      '003|ab  |   xy|"q"|42|ff|true|100%|7',
    ],
    ['{{print 1 2 "a" 3 true false}}', "1 2a3 true false"],
    ['{{println "a" 1}}', "a 1\n"],
    ['{{join "-" .Service.Name .Task.Slot "x"}}', "web-3-x"],
    ["{{html \"<a href='x'>&\"}}", "&lt;a href=&#39;x&#39;&gt;&amp;"],
    ['{{urlquery "a b&c=ü*"}}', "a+b%26c%3D%C3%BC%2A"],
    ['{{len "grün"}} {{len .Service.Labels}}', "5 2"],
    ['{{slice .Service.Name 0 2}}{{slice "abc" 1}}', "webc"],
    ['{{if and .Task.Slot (ne .Task.ID "x") (not false)}}yes{{end}}', "yes"],
    ['{{or .Service.Labels.none "default"}} {{and "" "x"}}', "default "],
    ['{{or "a" (secret "not asked for")}}', "a"],
    ['{{if lt 1 2}}lt{{end}}{{if ge "a" "b"}}ge{{end}}', "lt"],
    ["{{.Service.Labels}}", "map[com.example/x:y zone:east]"],
    ["a \n {{- if true -}} \n b \n {{- end }} c", "ab c"],
    ["x{{- /* it's \"open */ -}} y", "xy"],
    ["{{  .Task.Slot  }}", "3"],
    ["{{-3}}", "-3"],
  ])("%s is %s", (text, result) => expect(expanded(text, { ...facts, functions })).toBe(result));

  it.each([
    ["a\n{{upper .Task.Slot}}", 'template: line 2, column 3: function "upper" not defined'],
    ["{{if .Task.Slot}}", "template: column 1: {{if}} has no {{end}}"],
    ["x{{end}}", "template: column 2: {{end}} closes nothing"],
    ["{{else}}", "template: column 1: {{else}} closes nothing"],
    ["{{if true}}{{else}}", "template: column 12: {{else}} has no {{end}}"],
    ["{{$x}}", "template: column 3: undefined variable $x"],
    ["{{if $x := true}}{{end}}{{$x}}", "template: column 27: undefined variable $x"],
    ["{{range .Service.Labels}}{{break}}{{end}}", "template: column 26: Murmur doesn't know {{break}}"],
    ['{{define "a"}}{{end}}', "template: column 1: Murmur doesn't know {{define}}"],
    ["{{.Task.Slot .Task.ID}}", "template: column 3: this is no function: it takes nothing"],
    ["{{.Task.Slot}", "template: column 1: {{ has no }}"],
    ["{{(.Task.Slot}}", "template: column 3: ( has no )"],
    ["{{.Task.Slot)}}", "template: column 13: something is left over in this action"],
    ["{{1.5}}", 'template: column 3: unexpected "1"'],
    ["{{}}", "template: column 1: an action is empty"],
    ['{{"a"b}}', 'template: column 6: unexpected "b"'],
    ["{{.Node.Platform}}", "template: column 3: .Node.Platform has fields: name one of them"],
  ])("%j is refused before it is expanded: %s", (text, problem) => {
    expect(templateProblem(text)).toBe(problem);
  });

  it.each([
    [
      '{{printf "%d" .Task.Slot}}',
      "column 3: printf has a text for %d, which shows a number: use %s, also to fill up with zeros",
    ],
    ["{{if eq .Task.Slot 3}}{{end}}", 'column 6: eq doesn\'t compare a text with a number: put "" around the number'],
    ["{{range .Task.Slot}}{{end}}", "column 9: range goes over a map, such as .Service.Labels, not over a text"],
    ["{{slice .Task.Slot 2}}", "column 3: slice goes beyond the text"],
    ['{{printf "%99999s" "x"}}', "column 3: printf fills up to 1000 characters at the most"],
    ['{{printf "%s"}}', "column 3: printf has nothing for its %s"],
    ["{{.Task.Slot.Number}}", "column 3: .Number is nothing that a text has"],
    ['{{index .Task.Slot "a"}}', "column 3: index looks into a map, not into a text"],
    ["{{with .Service}}{{.Nme}}{{end}}", "column 20: .Nme is nothing that there is"],
  ])("%s can't be expanded: %s", (text, problem) => expect(expanded(text)).toBe(`! template: ${problem}`));

  it("says what isn't known before the task has a node, and only where that is asked for", () => {
    const early: TemplateFacts = { ...facts, node: undefined, task: { ...facts.task, slot: undefined } };
    expect(expanded('{{if eq .Node.Hostname "a"}}x{{else}}y{{end}}', early)).toMatch(/Hostname isn't known before/);
    expect(expanded("{{.Task.Slot}}", early)).toMatch(/Slot isn't known before/);
    expect(expanded("{{if false}}{{.Node.ID}}{{end}}{{.Service.Name}}", early)).toBe("web");
  });

  it("never says what a secret holds", () => {
    const hidden = expanded('{{secret (secret "key")}}', { ...facts, functions });
    expect(hidden).toBe("! template: column 3: the task has no secret of the name that is computed here");
  });

  it("has bounds: for depth, steps and what it makes", () => {
    const deep = "{{if true}}".repeat(40) + "{{end}}".repeat(40);
    expect(templateProblem(deep)).toMatch(/more than 32 blocks/);
    expect(templateProblem(`{{${"(".repeat(40)}1${")".repeat(40)}}}`)).toMatch(/more than 32 parentheses/);
    const doubling = `{{$a := "0123456789"}}${"{{$a = print $a $a}}".repeat(60)}`;
    expect(expanded(doubling)).toMatch(/more than 1024000 characters|too many steps/);
    const labels = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`l${String(at)}`, "x"]));
    const nested = "{{range .Service.Labels}}{{range $.Service.Labels}}{{range $.Service.Labels}}{{end}}{{end}}{{end}}";
    const many = { ...facts, service: { ...facts.service, labels } };
    expect(expanded(nested, many)).toMatch(/too many steps/);
  });

  it("ends for whatever is put together of its words, with a text or one line of what is wrong", () => {
    const word = fc.constantFrom(
      "{{",
      "}}",
      "{{-",
      "-}}",
      " ",
      "if ",
      "else",
      "end",
      "range ",
      "with ",
      "$x",
      " := ",
      "=",
      ",",
      "|",
      "(",
      ")",
      ".",
      ".Service",
      ".Labels",
      ".Task.Slot",
      "$",
      '"a"',
      "`",
      '"',
      "1",
      "-",
      "printf ",
      '"%5d%q%"',
      "and ",
      "eq ",
      "print ",
      "index ",
      "slice ",
      "secret ",
      "/*",
      "*/",
      "\n",
      "{{end}}",
      "{{else}}",
      "{{if true}}",
      "\0",
      "😀",
      "{{range $k, $v := .Service.Labels}}",
      "{{$x := .}}",
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(word, word, fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 40 }),
        (parts) => {
          const text = parts.join("");
          const problem = templateProblem(text, { hasFunctions: true });
          const result = expandTemplate(text, { ...facts, functions });
          if (problem !== undefined && "problem" in result) expect(result.problem).toMatch(/^template: .*column \d+: /);
          for (const line of [problem, "problem" in result ? result.problem : undefined])
            expect(line === undefined || /^template: (line \d+, )?column \d+: \S/.test(line)).toBe(true);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it("does what it was put together to do", () => {
    type Case = readonly [text: string, meant: string];
    const leaf = fc.constantFrom<Case>(
      ["{{.Service.Name}}", "web"],
      ['{{"x" | printf "%3s"}}', "  x"],
      ["plain", "plain"],
    );
    const { node } = fc.letrec<{ node: Case }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.tuple(tie("node"), tie("node")).map(([a, b]): Case => [a[0] + b[0], a[1] + b[1]]),
        fc.tuple(fc.boolean(), tie("node"), tie("node")).map(([is, a, b]): Case => {
          return [`{{if ${String(is)}}}${a[0]}{{else}}${b[0]}{{end}}`, is ? a[1] : b[1]];
        }),
        tie("node").map((a): Case => [
          `{{range $k, $v := $.Service.Labels}}${a[0].replaceAll("{{.", "{{$.")}{{end}}`,
          a[1] + a[1],
        ]),
      ),
    }));
    fc.assert(
      fc.property(node, ([text, meant]) => {
        expect(expanded(text)).toBe(meant);
      }),
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
    expect(containerTemplateProblem(spec)).toMatch(/^env\[1\]: template: column 3: \.Foo is nothing that there is/);
    expect(expandContainer(spec, facts)).toHaveProperty(
      "problem",
      "env[1]: template: column 3: .Foo is nothing that there is",
    );
  });
});
