import type { Mount } from "@murmur/model";
import { expect, it } from "vitest";
import { SAMPLE_NODE } from "../testing/sample-task.ts";
import { checkMounts, mountSettings } from "./mount-settings.ts";

const mount = (parts: Partial<Mount>): Mount => ({ kind: "bind", target: "/t", readOnly: false, ...parts });

it("asks the engine for what a mount says", () => {
  const bind = mount({ source: "/a", bindNonRecursive: true, bindCreateSource: true });
  expect(mountSettings(bind, SAMPLE_NODE)).toEqual({
    Type: "bind",
    Source: "/a",
    Target: "/t",
    ReadOnly: false,
    BindOptions: { NonRecursive: true, CreateMountpoint: true },
  });
  const locked = mount({ source: "/a", readOnly: true, bindReadOnly: "force-recursive" });
  expect(mountSettings(locked, SAMPLE_NODE).BindOptions).toEqual({ ReadOnlyForceRecursive: true });
  expect(mountSettings(mount({ source: "/a" }), SAMPLE_NODE)).not.toHaveProperty("BindOptions");
  const volume = mount({ kind: "volume", source: "data", volumeSubpath: "a/b", volumeLabels: { x: "y" } });
  expect(mountSettings(volume, SAMPLE_NODE).VolumeOptions).toMatchObject({
    Subpath: "a/b",
    Labels: { x: "y", "murmur.cluster.id": SAMPLE_NODE.clusterId },
  });
  expect(mountSettings(mount({ kind: "volume", source: "" }), SAMPLE_NODE).VolumeOptions?.Labels).toEqual({});
  expect(mountSettings(mount({ kind: "image", source: "tools:1" }), SAMPLE_NODE)).toEqual({
    Type: "image",
    Source: "tools:1",
    Target: "/t",
    ReadOnly: false,
  });
});

it.each<readonly [Partial<Mount>, readonly [number, number], string]>([
  [{ bindCreateSource: true }, [1, 41], "bind-create-src needs an engine with API 1.42, this node's has 1.41"],
  [{ bindReadOnly: "non-recursive" }, [1, 43], "bind-recursive needs an engine with API 1.44"],
  [{ kind: "volume", source: "d", volumeSubpath: "x" }, [1, 44], "volume-subpath needs an engine with API 1.45"],
  [{ kind: "image", source: "i" }, [1, 47], "type=image needs an engine with API 1.48"],
])("says what an older engine would leave out: %o", (parts, version, why) => {
  const spec = { image: "x", mounts: [mount({ kind: "tmpfs", target: "/first" }), mount(parts)] };
  expect(() => checkMounts(spec, version)).toThrow(`mount at /t: ${why}`);
  expect(() => checkMounts(spec, [1, 48])).not.toThrow();
});
