import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { engineInfo } from "./engine-info.ts";
import { jsonLines } from "./json-lines.ts";

describe("the engine's description", () => {
  it("is read from its info", () => {
    const info = engineInfo({
      Name: "host1",
      OSType: "linux",
      Architecture: "x86_64",
      NCPU: 2,
      MemTotal: 1_000,
      ServerVersion: "20.10.24",
      Labels: ["zone=a", "bare"],
      Plugins: { Volume: ["local"], Network: ["bridge", "host"], Authorization: null },
    });
    expect(info).toEqual({
      hostname: "host1",
      os: "linux",
      architecture: "amd64",
      cpus: 2,
      memoryBytes: 1_000,
      version: "20.10.24",
      labels: { zone: "a", bare: "" },
      plugins: [
        { kind: "Volume", name: "local" },
        { kind: "Network", name: "bridge" },
        { kind: "Network", name: "host" },
      ],
    });
  });

  it("has what the engine's configuration says that the node has beside", () => {
    const GenericResources = [
      { NamedResourceSpec: { Kind: "NVIDIA-GPU", Value: "UUID1" } },
      { NamedResourceSpec: { Kind: "NVIDIA-GPU", Value: "UUID2" } },
      { DiscreteResourceSpec: { Kind: "SSD", Value: 3 } },
      { DiscreteResourceSpec: { Kind: "none", Value: 0 } },
      "what?",
    ];
    expect(engineInfo({ GenericResources }).generic).toEqual({ "NVIDIA-GPU": ["UUID1", "UUID2"], SSD: 3 });
    expect(engineInfo({ GenericResources: null })).not.toHaveProperty("generic");
  });

  it("is empty where the engine says nothing", () => {
    expect(engineInfo("what?")).toMatchObject({ hostname: "", cpus: 0, labels: {}, plugins: [] });
  });
});

describe("lines of JSON", () => {
  const read = async (chunks: readonly (string | Uint8Array)[]): Promise<unknown[]> => {
    const seen: unknown[] = [];
    for await (const line of jsonLines(Readable.from(chunks))) seen.push(line);
    return seen;
  };

  it("come whole, however they are cut", async () => {
    const bytes = new TextEncoder().encode('{"a":"é"}\n\n{"b":2}');
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(await read([bytes.slice(0, cut), bytes.slice(cut)])).toEqual([{ a: "é" }, { b: 2 }]);
    }
  });

  it("are refused when they are none", async () => {
    await expect(read(["<html>\n"])).rejects.toThrow("the engine sent what is not JSON: <html>");
    await expect(read(Array.from({ length: 20 }, () => "x".repeat(100_000)))).rejects.toThrow("a line without an end");
  });
});
