import type { ServiceSpec } from "@murmur/api";
import { parseDevice } from "@murmur/model";
import { invalid } from "../../argument-error.ts";
import type { ServiceFlag } from "../flag.ts";
import { distinct, replacedByKey } from "../list-edit.ts";

type Own = NonNullable<ServiceSpec["Murmur"]>;
type Device = NonNullable<Own["Devices"]>[number];

const ownOf = (spec: ServiceSpec): Own => (spec.Murmur ??= {});
const targetOf = ({ PathOnHost, PathInContainer }: Device): string => PathInContainer ?? PathOnHost;

function deviceOf(text: string): Device {
  const device = parseDevice(text);
  if (device === undefined) {
    throw invalid(
      `'${text}' is no device: give HOST[:CONTAINER[:PERMISSIONS]], such as /dev/fuse or /dev/sda:/dev/xvda:r`,
    );
  }
  const { source, target, permissions } = device;
  return { PathOnHost: source, PathInContainer: target, CgroupPermissions: permissions };
}

/** What Docker has for containers and not for services. */
export const DEVICE_FLAGS: readonly ServiceFlag[] = [
  {
    kind: "list",
    name: "device",
    value: "device",
    help: "Add a host device to the container, on nodes that permit it (HOST[:CONTAINER[:PERMISSIONS]])",
    add(spec, texts) {
      const added = distinct(texts.map(deviceOf), targetOf);
      ownOf(spec).Devices = replacedByKey(ownOf(spec).Devices, added, targetOf);
    },
    remove: {
      value: "path",
      help: "Remove a device by its path in the container",
      from(spec, paths) {
        ownOf(spec).Devices = (ownOf(spec).Devices ?? []).filter((device) => !paths.includes(targetOf(device)));
      },
    },
  },
  {
    kind: "switch",
    name: "privileged",
    help: "Give extended privileges to the container, on nodes that permit it",
    set: (spec, on) => (ownOf(spec).Privileged = on),
  },
];
