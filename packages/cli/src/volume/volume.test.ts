import { describe, expect, it } from "vitest";
import { FakeDaemon, type Route } from "../testing/fake-daemon.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";

const volume = (Name: string, Hostname: string, State = "ready") => ({
  Name,
  Driver: "local",
  Scope: "local",
  Node: { ID: `id-${Hostname}`, Hostname, State },
});
const ENGINE = { Name: "data", Driver: "local", Mountpoint: "/v/data", Labels: null, Options: null, Scope: "local" };
const ROUTES: Record<string, Route> = {
  "GET /murmur/volumes": () => ({ json: [volume("data", "host1"), volume("data", "host2", "down")] }),
  "GET /murmur/volumes/data": () => ({ json: [{ ...volume("data", "host1"), Tasks: [], Engine: ENGINE }] }),
  "POST /murmur/volumes/create": () => ({ json: { ...ENGINE, Name: "new", Warnings: ["it isn't known yet"] } }),
  "DELETE /murmur/volumes/data": () => ({ json: null }),
};

async function murmur(line: string, routes: Record<string, Route> = {}): Promise<Ran & { daemon: FakeDaemon }> {
  await using daemon = await FakeDaemon.start({ ...ROUTES, ...routes });
  return { ...(await runMurmur(["--socket", daemon.socketPath, ...line.split(" ")])), daemon };
}

describe("murmur volume", () => {
  it("ls shows the node beside Docker's columns, and names the one that doesn't answer", async () => {
    const { stdout, stderr } = await murmur("volume ls");
    expect(stdout).toMatch(/^DRIVER +VOLUME NAME +NODE\nlocal +data +host1\nlocal +data +host2\n$/);
    expect(stderr).toBe("node host2 doesn't answer: its volumes are as it last told\n");
    const json = JSON.parse((await murmur("volume ls --format json --filter node=host2")).stdout) as unknown;
    expect(json).toEqual([{ Driver: "local", Name: "data", Scope: "local", Node: "host2", NodeState: "down" }]);
    expect((await murmur("volume ls -q --filter name=x")).stdout).toBe("");
    expect((await murmur("volume ls --filter size=1")).stderr).toBe(
      "murmur: invalid filter 'size': there are name, node, driver\n",
    );
  });

  it("create makes one on a node", async () => {
    const { stdout, stderr, daemon } = await murmur("volume create --node host2 -o type=none --label a=b new");
    expect(stdout).toBe("new\n");
    expect(stderr).toBe("murmur: warning: it isn't known yet\n");
    expect(daemon.asked.at(-1)?.body).toEqual({
      Name: "new",
      Node: "host2",
      Driver: "local",
      DriverOpts: { type: "none" },
      Labels: { a: "b" },
    });
    const other = await murmur("volume create --node host2 -d rexray new");
    expect(other.stderr).toMatch(/^murmur: driver rexray: only volumes of the driver local are on one node/);
  });

  it("inspect shows what the engine says, the node and the tasks; a silent node is an error after the rest", async () => {
    const { stdout } = await murmur("volume inspect data");
    expect(JSON.parse(stdout)).toEqual([{ ...ENGINE, Node: volume("data", "host1").Node, Tasks: [] }]);
    const silent = { ...volume("data", "host2", "down"), Problem: "node host2 doesn't answer: it is down" };
    const {
      stdout: rest,
      stderr,
      status,
    } = await murmur("volume inspect data", {
      "GET /murmur/volumes/data": () => ({ json: [{ ...volume("data", "host1"), Engine: ENGINE }, silent] }),
    });
    expect(JSON.parse(rest)).toHaveLength(2);
    expect(stderr).toBe("murmur: node host2 doesn't answer: it is down\n");
    expect(status).not.toBe(0);
  });

  it("rm names the node where there are several", async () => {
    const { stdout, daemon } = await murmur("volume rm --node host1 data");
    expect(stdout).toBe("data\n");
    expect(daemon.asked.at(-1)?.query.toString()).toBe("node=host1");
  });

  describe("prune", () => {
    const unused = [volume("data", "host1"), volume("old", "host2"), volume("old", "host3", "down")];
    const routes: Record<string, Route> = {
      "GET /murmur/volumes": ({ query }) => ({ json: query.get("unused") === "1" ? unused : [] }),
      "GET /murmur/volumes/data": () => ({ json: [{ ...unused[0], Engine: { ...ENGINE, Labels: { keep: "yes" } } }] }),
      "GET /murmur/volumes/old": () => ({ json: [{ ...unused[1], Engine: ENGINE }] }),
      "DELETE /murmur/volumes/*": () => ({ json: null }),
    };
    async function prune(line: string, answer?: string) {
      await using daemon = await FakeDaemon.start(routes);
      const argv = ["--socket", daemon.socketPath, "volume", "prune", ...line.split(" ").filter(Boolean)];
      const ran = await runMurmur(argv, { ask: async () => answer });
      const removed = daemon.asked
        .filter(({ method }) => method === "DELETE")
        .map(({ path, query }) => `${path.slice(path.lastIndexOf("/") + 1)} ${query.get("node") ?? ""}`);
      return { ...ran, removed };
    }

    it("names them and asks first; only yes removes them, and none of a node that is away", async () => {
      const yes = await prune("", "y");
      expect(yes.stderr).toContain("  data on host1\n  old on host2\n");
      expect(yes.stdout).toBe("Deleted Volumes:\ndata on host1\nold on host2\n");
      expect(yes.removed).toEqual(["data id-host1", "old id-host2"]);
      for (const answer of ["", "n", "yesterday"]) {
        const no = await prune("", answer);
        expect([no.removed, no.status === 0]).toEqual([[], false]);
        expect(no.stderr).toMatch(/murmur: nothing was removed\n$/);
      }
    });

    it("removes nothing where there is nobody to ask, without --force", async () => {
      const nobody = await prune("");
      expect(nobody.removed).toEqual([]);
      expect(nobody.stderr).toMatch(/murmur: nobody to ask at a terminal: give --force\n$/);
      expect((await prune("--force --all")).removed).toEqual(["data id-host1", "old id-host2"]);
    });

    it.each([
      ["--filter label=keep", ["data id-host1"]],
      ["--filter label=keep=no", []],
      ["--filter label!=keep", ["old id-host2"]],
      ["--filter node=host2", ["old id-host2"]],
      ["--filter name=dat --filter label!=x", ["data id-host1"]],
    ])("%s", async (line, removed) => expect((await prune(`-f ${line}`)).removed).toEqual(removed));

    it("knows its filters, and says when there is nothing", async () => {
      expect((await prune("-f --filter until=1h")).stderr).toBe(
        "murmur: invalid filter 'until': there are label, label!, name, node\n",
      );
      expect(await prune("-f --filter name=none")).toMatchObject({ status: 0, stdout: "", removed: [] });
    });
  });
});
