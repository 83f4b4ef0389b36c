import { ClusterError } from "@murmur/base";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parseDotenv } from "./dotenv.ts";
import { Budget, interpolate, type Variables } from "./interpolate.ts";
import { parseDuration } from "./quantity.ts";
import { canonical } from "./schema/canonical.ts";
import { complete } from "./schema/complete.ts";
import { merge } from "./schema/merge.ts";
import { service } from "./schema/service.ts";
import { isSame, type Tree } from "./tree.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";
import { load, sourceOf, web, webFile } from "./testing/files.ts";
import { loadProject } from "./load-project.ts";
import { shellWords } from "./words.ts";
import { parseYaml } from "./yaml-tree.ts";

function variables(env: Readonly<Record<string, string>> = {}): Variables {
  return {
    get: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
    unset: () => undefined,
    budget: new Budget(),
  };
}

/** Runs it; nothing but a ClusterError may come out. */
function calm(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    expect(error.message).not.toMatch(/\n/);
  }
}

const FIELDS = Object.keys(service.fields);
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>(
      null,
      true,
      3,
      -1,
      0.5,
      "",
      "1m",
      "64M",
      "a:b",
      "a=b",
      "80:80",
      "/a",
      "./a:/b:ro",
      "default",
      "web",
      "all",
    ),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(...FIELDS, "source", "target", "type", "limits", "resources", "config", "path", "default", "web"),
      tie("value"),
      {
        maxKeys: 4,
      },
    ),
  ),
})).value;

describe("any input", () => {
  it("text is loaded or refused", () => {
    const text = fc.array(
      fc.constantFrom(
        "services:",
        "\n",
        "  ",
        "- ",
        "a",
        ": ",
        "&a",
        "*a",
        "<<",
        "!reset",
        "{",
        "}",
        "[",
        "]",
        '"',
        "${A",
        "$",
        "|",
        "#",
        "---\n",
      ),
    );
    fc.assert(
      fc.property(text, (parts) => calm(() => load(parts.join("")))),
      { numRuns: 500 },
    );
  });

  it("fields of any kind are loaded or refused, and a second file too", () => {
    const fields = fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 5 });
    fc.assert(
      fc.property(fields, fields, (one, two) => {
        const file = (of: object): string => JSON.stringify({ services: { web: { image: "a", ...of } } });
        calm(() => load({ "compose.yaml": file(one), "b.yaml": file(two) }, { files: ["compose.yaml", "b.yaml"] }));
      }),
      { numRuns: 1000 },
    );
  });

  it("top-level elements of any kind are loaded or refused", () => {
    const keys = fc.constantFrom(
      "include",
      "services",
      "networks",
      "volumes",
      "configs",
      "secrets",
      "models",
      "name",
      "version",
      "x-a",
    );
    fc.assert(
      fc.property(fc.dictionary(keys, value), (file) => calm(() => load(JSON.stringify(file)))),
      { numRuns: 500 },
    );
  });

  it("env files are read or refused", () => {
    const line = fc.array(
      fc.constantFrom("A", "=", "'", '"', "\\", "\n", "$", "{", "}", "export ", "#", " ", ":", "\\n"),
    );
    fc.assert(
      fc.property(line, (parts) => calm(() => parseDotenv(parts.join(""), ".env", variables()))),
      { numRuns: 500 },
    );
  });
});

describe("bounds", () => {
  it("aliases that stand for billions are refused", () => {
    const lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
    for (let at = 1; at < 12; at++)
      lines.push(`a${at}: &a${at} [${Array.from({ length: 10 }, () => `*a${at - 1}`).join(",")}]`);
    expect(() => load(lines.join("\n"))).toThrowError("once its aliases are followed");
  });

  it("deep nesting is refused", () => {
    expect(() => load("[".repeat(100_000))).toThrowError("nested too deeply");
    expect(() => load(`${"- ".repeat(5000)}a`)).toThrowError("nested too deeply");
  });

  it("variables that double in each line are refused", () => {
    const lines = ["A0=xxxxxxxxxxxxxxxx"];
    for (let at = 1; at < 60; at++) lines.push(`A${at}=$A${at - 1}$A${at - 1}`);
    expect(() => load({ "compose.yaml": webFile(""), ".env": lines.join("\n") })).toThrowError(
      /\.env:\d+: the value has more than/,
    );
  });
});

describe("utf8", () => {
  it("is what every text becomes and comes from", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text));
        expect(decodeUtf8(encodeUtf8(text))).toBe(text.replace(/^\uFEFF/, ""));
      }),
    );
  });

  it("agrees with the runtime's decoder on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        let wanted: string | undefined;
        try {
          wanted = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
        } catch {
          wanted = undefined;
        }
        expect(decodeUtf8(bytes)).toBe(wanted);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("interpolate", () => {
  it.each([
    ["$A ${A} $$A", "1 1 $A"],
    ["${B:-d} ${B-d} ${E:-d} ${E-d}", "d d d "],
    ["${A:+r} ${B:+r} ${E:+r} ${E+r}", "r   r"],
    ["${B:-${C:-${A}}}", "1"],
    ['${B:-{"a": 1}}', '{"a": 1}'],
    ["$1 a$ $-", "$1 a$ $-"],
  ])("%s is %s", (text, wanted) => {
    expect(interpolate(text, variables({ A: "1", E: "" }))).toEqual({ text: wanted });
  });

  it("leaves any text as it is whose dollars are doubled", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(interpolate(text.replaceAll("$", "$$$$"), variables())).toEqual({ text });
      }),
    );
  });

  it("refuses what is required and missing, with the place", () => {
    expect(() => web("hostname: ${H:?set it}")).toThrowError(
      "compose.yaml:4: services.web.hostname: required variable H is missing a value: set it",
    );
  });

  it("warns of what isn't set, once, and takes the shell's before .env", () => {
    const warnings: string[] = [];
    const project = loadProject(
      sourceOf(
        { "compose.yaml": webFile("hostname: $A$X$X\ndomainname: $B"), ".env": "A=file\nB=file" },
        { A: "shell" },
      ),
      {
        files: ["compose.yaml"],
        profiles: [],
        warn: (warning) => warnings.push(warning),
      },
    );
    expect(project.services.get("web")).toMatchObject({ hostname: "shell", domainname: "file" });
    expect(warnings).toEqual(['The "X" variable is not set. Defaulting to a blank string.']);
  });
});

describe("dotenv", () => {
  it("knows quotes, export, comments, lines and variables", () => {
    const text = `# c\nexport A=1 # c\nB="x\\ny $A" # c\nC='$A \\n'\nD: d\nE="two\nlines"\nF=a#b\nG=\nH\n1X=no\n`;
    expect(Object.fromEntries(parseDotenv(text, ".env", variables({ H: "h" })))).toEqual({
      A: "1",
      B: "x\ny 1",
      C: "$A \\n",
      D: "d",
      E: "two\nlines",
      F: "a#b",
      G: "",
      H: "h",
    });
  });

  it("reads back every value that is in single quotes", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !/['\\]/.test(text)),
        (text) => {
          expect(parseDotenv(`A='${text}'`, ".env", variables()).get("A")).toBe(text);
        },
      ),
    );
  });
});

describe("words and durations", () => {
  it("quoted words come back", () => {
    fc.assert(
      fc.property(fc.array(fc.string().filter((word) => !word.includes("'"))), (words) => {
        expect(shellWords(words.map((word) => `'${word}'`).join(" "))).toEqual({ words });
      }),
    );
  });

  it("a duration is the sum of its parts", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(59), fc.nat(59), fc.nat(999), (h, m, s, ms) => {
        expect(parseDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(((h * 60 + m) * 60 + s) * 1000 + ms);
      }),
    );
    for (const text of ["", "1", "h", "1x", "-1s", "1 s"]) expect(parseDuration(text)).toBeUndefined();
  });
});

describe("merge", () => {
  const tree = (fields: object): Tree => {
    const [parsed] = parseYaml(JSON.stringify(fields), "a");
    if (parsed === undefined) throw new Error("nothing was parsed");
    return canonical(parsed, service, { path: "", directory: "/", home: undefined, countPorts: () => undefined });
  };
  const name = fc.constantFrom("a", "b", "c");
  const someService = fc.record(
    {
      image: name,
      command: fc.array(name),
      environment: fc.dictionary(name, name),
      ports: fc.array(fc.constantFrom("80:80", "81:80", "80-82:80-82")),
      volumes: fc.array(fc.constantFrom("a:/x", "b:/x", "/c:/y")),
      dns: fc.oneof(name, fc.array(name)),
      networks: fc.oneof(fc.uniqueArray(name), fc.dictionary(name, fc.record({ aliases: fc.uniqueArray(name) }))),
      deploy: fc.record({ replicas: fc.nat(3), labels: fc.dictionary(name, name) }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  );

  it("three files are the same whichever two come first", () => {
    fc.assert(
      fc.property(someService, someService, someService, (a, b, c) => {
        const [one, two, three] = [tree(a), tree(b), tree(c)];
        const left = merge(merge(one, two, service), three, service);
        expect(isSame(left, merge(one, merge(two, three, service), service))).toBe(true);
      }),
    );
  });

  it("a removal acts on what comes before it, whichever two files come first", () => {
    const yaml = (text: string): Tree => {
      const [parsed] = parseYaml(text, "a");
      if (parsed === undefined) throw new Error("nothing was parsed");
      return canonical(parsed, service, { path: "", directory: "/", home: undefined, countPorts: () => undefined });
    };
    for (const tag of ["!reset", "!override"]) {
      const [one, two, three] = [yaml("dns: [a]"), yaml(`dns: ${tag} [b]`), yaml("dns: [c]")];
      const wanted = yaml(tag === "!reset" ? "dns: [c]" : "dns: [b, c]");
      const left = merge(merge(one, two, service), three, service);
      const right = merge(one, merge(two, three, service), service);
      for (const merged of [left, right]) expect(isSame(complete(merged, service, ""), wanted)).toBe(true);
    }
  });

  it("resets and overrides", () => {
    const base = webFile("ports: ['80:80', '81:81']\nenvironment: { A: 1, B: 2 }\ndns: [1.1.1.1]\ncommand: a b");
    const over =
      "services:\n  web:\n    ports: !override ['82:82']\n    environment: { A: !reset null, C: 3 }\n    dns: !reset []\n    command: c\n";
    const project = load({ "compose.yaml": base, "b.yaml": over }, { files: ["compose.yaml", "b.yaml"] });
    expect(project.services.get("web")).toMatchObject({
      ports: [{ published: 82 }],
      environment: new Map([
        ["B", "2"],
        ["C", "3"],
      ]),
      dns: [],
      command: ["c"],
    });
  });
});
