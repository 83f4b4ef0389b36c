import type { Mount } from "@murmur/api";
import { parseDuration } from "../../units/duration.ts";
import { splitShellWords } from "../../units/shell-words.ts";
import { keyOfVariable, readVariableFiles, readVariables } from "../environment.ts";
import type { ServiceFlag } from "../flag.ts";
import { isMapping, parseHostMapping } from "../host-mapping.ts";
import { distinct, replacedByKey, withAdded, withAssignments, without, withoutKeys } from "../list-edit.ts";
import { parseMount } from "../mount.ts";
import { containerOf } from "../spec-parts.ts";

const targetOf = ({ Target }: Mount): string => Target;

export const CONTAINER_FLAGS: readonly ServiceFlag[] = [
  // Before --env, which is the stronger one.
  {
    kind: "list",
    name: "env-file",
    value: "path",
    only: "create",
    help: "Read in a file of environment variables",
    add(spec, paths, context) {
      const container = containerOf(spec);
      container.Env = replacedByKey(container.Env, readVariableFiles(paths, context), keyOfVariable);
    },
  },
  {
    kind: "list",
    name: "env",
    short: "e",
    value: "key=value",
    help: "Environment variables; a name alone takes its value here",
    add(spec, texts, context) {
      const container = containerOf(spec);
      container.Env = replacedByKey(container.Env, readVariables(texts, context), keyOfVariable);
    },
    remove: {
      value: "key",
      help: "Remove an environment variable",
      from(spec, keys) {
        const container = containerOf(spec);
        container.Env = (container.Env ?? []).filter((variable) => !keys.includes(keyOfVariable(variable)));
      },
    },
  },
  {
    kind: "list",
    name: "mount",
    value: "mount",
    help: "Mounts: type=volume|bind|tmpfs,source=…,target=…[,readonly]",
    add(spec, texts) {
      const container = containerOf(spec);
      const added = distinct(texts.map(parseMount), targetOf);
      container.Mounts = replacedByKey(container.Mounts, added, targetOf);
    },
    remove: {
      value: "path",
      help: "Remove a mount by its target path",
      from(spec, targets) {
        const container = containerOf(spec);
        container.Mounts = (container.Mounts ?? []).filter(({ Target }) => !targets.includes(Target));
      },
    },
  },
  {
    kind: "value",
    name: "user",
    short: "u",
    value: "string",
    help: "Username or UID (format: <name|uid>[:<group|gid>])",
    set: (spec, text) => (containerOf(spec).User = text),
  },
  {
    kind: "list",
    name: "group",
    value: "group",
    help: "Supplementary user groups of the container",
    add: (spec, texts) => (containerOf(spec).Groups = withAdded(containerOf(spec).Groups, texts)),
    remove: {
      value: "group",
      help: "Remove a supplementary user group",
      from: (spec, texts) => (containerOf(spec).Groups = without(containerOf(spec).Groups, texts)),
    },
  },
  {
    kind: "value",
    name: "workdir",
    short: "w",
    value: "path",
    help: "Working directory inside the container",
    set: (spec, text) => (containerOf(spec).Dir = text),
  },
  {
    kind: "value",
    name: "hostname",
    value: "string",
    help: "Container hostname",
    set: (spec, text) => (containerOf(spec).Hostname = text),
  },
  {
    kind: "list",
    name: "container-label",
    value: "key=value",
    help: "Container labels",
    add: (spec, texts) => (containerOf(spec).Labels = withAssignments(containerOf(spec).Labels, texts)),
    remove: {
      value: "key",
      help: "Remove a container label by its key",
      from: (spec, keys) => (containerOf(spec).Labels = withoutKeys(containerOf(spec).Labels, keys)),
    },
  },
  {
    kind: "value",
    name: "entrypoint",
    value: "command",
    help: "Overwrite the default ENTRYPOINT of the image",
    set: (spec, text) => (containerOf(spec).Command = splitShellWords(text)),
  },
  {
    kind: "value",
    name: "stop-signal",
    value: "string",
    help: "Signal to stop the container",
    set: (spec, text) => (containerOf(spec).StopSignal = text),
  },
  {
    kind: "value",
    name: "stop-grace-period",
    value: "duration",
    default: "10s",
    help: "Time to wait before force killing a container (ns|us|ms|s|m|h)",
    set: (spec, text) => (containerOf(spec).StopGracePeriod = parseDuration(text)),
  },
  {
    kind: "switch",
    name: "init",
    help: "Use an init inside each container to forward signals and reap processes",
    set: (spec, on) => (containerOf(spec).Init = on),
  },
  {
    kind: "switch",
    name: "read-only",
    help: "Mount the container's root filesystem as read only",
    set: (spec, on) => (containerOf(spec).ReadOnly = on),
  },
  {
    kind: "switch",
    name: "tty",
    short: "t",
    help: "Allocate a pseudo-TTY",
    set: (spec, on) => (containerOf(spec).TTY = on),
  },
  {
    kind: "list",
    name: "host",
    value: "host:ip",
    help: "Custom host-to-IP mappings",
    add: (spec, texts) => (containerOf(spec).Hosts = withAdded(containerOf(spec).Hosts, texts.map(parseHostMapping))),
    remove: {
      value: "host[:ip]",
      help: "Remove a custom host-to-IP mapping",
      from(spec, texts) {
        const container = containerOf(spec);
        const named = texts.map(isMapping);
        container.Hosts = (container.Hosts ?? []).filter((line) => !named.some((fits) => fits(line)));
      },
    },
  },
];
