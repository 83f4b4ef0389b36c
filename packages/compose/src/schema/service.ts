import { shown } from "../problem.ts";
import { objectAt, scalarAt, textAt } from "../tree.ts";
import { build } from "./build.ts";
import {
  command,
  dictionary,
  fieldText,
  listOf,
  namesOrMap,
  object,
  oneAsList,
  options,
  textOrTexts,
  texts,
  setOf,
} from "./collections.ts";
import { deploy } from "./deploy.ts";
import { blkio, devices, gpus, ulimits } from "./device.ts";
import { extraHosts } from "./hosts.ts";
import { mounts, tmpfs } from "./mount.ts";
import { expose, isAddress, ports } from "./port.ts";
import { references } from "./reference.ts";
import { NAMES, type ListShape, type ObjectShape, type Shape, type TextShape } from "./shape.ts";
import { any, bytes, bytesOrAll, count, cpus, duration, flag, loose, oneOf, path, text, whole } from "./values.ts";

const healthcheck = object({
  disable: flag,
  interval: duration,
  retries: count,
  test: {
    kind: "list",
    items: text,
    merge: "replace",
    long: (tree) =>
      tree.kind === "scalar" && typeof tree.value === "string"
        ? {
            kind: "list",
            items: [textAt("CMD-SHELL", tree.place), { ...tree, tag: undefined }],
            place: tree.place,
            tag: undefined,
          }
        : tree,
  },
  timeout: duration,
  start_period: duration,
  start_interval: duration,
});

const logging = object(
  { driver: text, options },
  {
    // Options are a driver's own.
    replaces: (former, later) => {
      const [before, after] = [fieldText(former, "driver"), fieldText(later, "driver")];
      return before !== undefined && after !== undefined && before !== after;
    },
  },
);

const dependsOn = namesOrMap(
  object(
    {
      restart: flag,
      required: flag,
      condition: oneOf("service_started", "service_healthy", "service_completed_successfully"),
    },
    { required: ["condition"] },
  ),
  NAMES,
  (item) => objectAt({ condition: textAt("service_started", item.place) }, item.place),
);

const address: TextShape = {
  kind: "text",
  check: (given) => (isAddress(given) ? undefined : `${shown(given)} is no IP address`),
};

const attachments = namesOrMap(
  object(
    {
      aliases: texts,
      interface_name: text,
      ipv4_address: address,
      ipv6_address: address,
      link_local_ips: texts,
      mac_address: text,
      driver_opts: options,
      priority: { kind: "number", whole: false },
      gw_priority: { kind: "number", whole: false },
    },
    { nullable: true },
  ),
  NAMES,
  (item) => scalarAt(null, item.place),
);

const envFile: ListShape = {
  kind: "list",
  items: object({ path, format: oneOf("raw"), required: flag }, { required: ["path"] }),
  long: oneAsList,
  merge: (item) => fieldText(item, "path") ?? "",
  expand: (item) =>
    item.kind === "scalar" && typeof item.value === "string" ? [objectAt({ path: item }, item.place)] : [item],
};

const hook = { command, user: text, privileged: flag, working_dir: text, environment: dictionary };

const develop = object(
  {
    watch: listOf(
      object(
        {
          ignore: textOrTexts,
          include: textOrTexts,
          path: text,
          action: oneOf("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
          target: text,
          exec: object(hook, { required: ["command"] }),
          initial_sync: flag,
        },
        { required: ["path", "action"] },
      ),
    ),
  },
  { nullable: true },
);

const extendsShape: Shape = object(
  { service: text, file: path },
  {
    required: ["service"],
    replaces: () => true,
    long: (tree) =>
      tree.kind === "scalar" && typeof tree.value === "string"
        ? objectAt({ service: { ...tree, tag: undefined } }, tree.place)
        : tree,
  },
);

function matching(pattern: RegExp, expected: string): TextShape {
  return { kind: "text", check: (given) => (pattern.test(given) ? undefined : `${expected}, not ${shown(given)}`) };
}

export const service: ObjectShape = object({
  annotations: dictionary,
  attach: flag,
  blkio_config: blkio,
  build,
  cap_add: texts,
  cap_drop: texts,
  cgroup: oneOf("host", "private"),
  cgroup_parent: text,
  command,
  configs: references,
  container_name: matching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/, "a name of two letters, digits, _ . - or more is expected"),
  cpu_count: count,
  cpu_percent: { kind: "number", whole: false, min: 0, max: 100 },
  cpu_period: loose,
  cpu_quota: loose,
  cpu_rt_period: loose,
  cpu_rt_runtime: loose,
  cpu_shares: whole,
  cpus,
  cpuset: text,
  credential_spec: object({ config: text, file: text, registry: text }),
  depends_on: dependsOn,
  deploy,
  develop,
  device_cgroup_rules: texts,
  devices,
  dns: textOrTexts,
  dns_opt: texts,
  dns_search: textOrTexts,
  domainname: text,
  entrypoint: command,
  env_file: envFile,
  environment: dictionary,
  expose,
  extends: extendsShape,
  external_links: texts,
  extra_hosts: extraHosts,
  gpus,
  group_add: setOf(loose),
  healthcheck,
  hostname: text,
  image: text,
  init: flag,
  ipc: text,
  isolation: text,
  label_file: { ...setOf(path), long: oneAsList },
  labels: dictionary,
  links: texts,
  logging,
  mac_address: text,
  mem_limit: bytes,
  mem_reservation: bytes,
  mem_swappiness: { kind: "number", whole: true, min: 0, max: 100 },
  memswap_limit: bytesOrAll,
  models: namesOrMap(object({ endpoint_var: text, model_var: text }, { nullable: true }), NAMES, (item) =>
    scalarAt(null, item.place),
  ),
  network_mode: text,
  networks: attachments,
  oom_kill_disable: flag,
  oom_score_adj: { kind: "number", whole: true, min: -1000, max: 1000 },
  pid: { kind: "text", nullable: true },
  pids_limit: { kind: "number", whole: true, min: -1 },
  platform: text,
  ports,
  post_start: listOf(object(hook, { required: ["command"] })),
  pre_start: listOf(object({ ...hook, image: text, per_replica: flag })),
  pre_stop: listOf(object(hook, { required: ["command"] })),
  privileged: flag,
  profiles: texts,
  provider: object({ type: text, options: { kind: "map", values: any } }, { required: ["type"] }),
  pull_policy: matching(
    /^(?:always|never|build|if_not_present|missing|refresh|daily|weekly|every_(?:[0-9]+[wdhms])+)$/,
    "always, never, missing, build, daily, weekly or every_DURATION is expected",
  ),
  pull_refresh_after: text,
  read_only: flag,
  restart: matching(
    /^(?:no|always|unless-stopped|on-failure(?::\d{1,9})?)$/,
    '"no", always, on-failure[:N] or unless-stopped is expected',
  ),
  runtime: text,
  scale: count,
  secrets: references,
  security_opt: texts,
  shm_size: bytes,
  stdin_open: flag,
  stop_grace_period: duration,
  stop_signal: text,
  storage_opt: options,
  sysctls: dictionary,
  tmpfs,
  tty: flag,
  ulimits,
  use_api_socket: flag,
  user: text,
  userns_mode: text,
  uts: text,
  volumes: mounts,
  volumes_from: texts,
  working_dir: text,
});
