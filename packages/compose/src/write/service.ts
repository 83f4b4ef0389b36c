import type {
  ComposeAttachment,
  ComposeDeviceRequest,
  ComposeHealthcheck,
  ComposeMount,
  ComposeReference,
  ComposeService,
} from "../project.ts";
import { deployPlain } from "./deploy.ts";
import { eachOf, filled, made, type Plain, type PlainObject } from "./plain.ts";
import { durationText } from "./quantity-text.ts";

/** A service in Compose's long form. What isn't said isn't written. */
export function servicePlain(service: ComposeService): PlainObject {
  return {
    image: service.image,
    build: made(service.build, ({ context, dockerfile }) => ({ context, dockerfile })),
    entrypoint: service.entrypoint,
    command: service.command,
    environment: filled(service.environment),
    labels: filled(service.labels),
    hostname: service.hostname,
    domainname: service.domainname,
    working_dir: service.workingDir,
    user: service.user,
    group_add: filled(service.groups),
    tty: service.tty,
    stdin_open: service.stdinOpen,
    read_only: service.readOnly,
    init: service.init,
    privileged: service.privileged,
    stop_signal: service.stopSignal,
    stop_grace_period: made(service.stopGracePeriodMs, durationText),
    cap_add: filled(service.capAdd),
    cap_drop: filled(service.capDrop),
    sysctls: filled(service.sysctls),
    ulimits: filled(eachOf(service.ulimits, ({ soft, hard }) => ({ soft, hard }))),
    dns: filled(service.dns),
    dns_search: filled(service.dnsSearch),
    dns_opt: filled(service.dnsOptions),
    extra_hosts: filled(service.extraHosts.map(([name, address]) => `${name}=${address}`)),
    devices: filled(service.devices.map(({ source, target, permissions }) => ({ source, target, permissions }))),
    gpus: filled(service.deviceRequests.map(requestPlain)),
    healthcheck: made(service.healthcheck, healthPlain),
    logging: made(service.logging, ({ driver, options }) => ({ driver, options: filled(options) })),
    ports: filled(
      service.ports.map(({ name, target, published, hostIp, protocol, mode, appProtocol }) => ({
        name,
        mode,
        host_ip: hostIp,
        target,
        published,
        protocol,
        app_protocol: appProtocol,
      })),
    ),
    network_mode: service.networkMode,
    networks: filled(new Map(service.networks.map((attachment) => [attachment.network, attachmentPlain(attachment)]))),
    volumes: filled(service.mounts.map(mountPlain)),
    configs: filled(service.configs.map(referencePlain)),
    secrets: filled(service.secrets.map(referencePlain)),
    depends_on: filled(
      new Map(
        service.dependsOn.map(({ service, condition, restart, required }) => [
          service,
          { condition, restart, required },
        ]),
      ),
    ),
    deploy: deployPlain(service.deploy),
    oom_score_adj: service.oomScoreAdj,
    isolation: service.isolation,
    shm_size: made(service.shmSizeBytes, String),
    restart: service.restart,
  };
}

function requestPlain({ driver, count, deviceIds, capabilities }: ComposeDeviceRequest): PlainObject {
  return { driver, count, device_ids: filled(deviceIds), capabilities };
}

function healthPlain(check: ComposeHealthcheck): PlainObject {
  return {
    disable: check.disable ? true : undefined,
    test: check.test,
    interval: made(check.intervalMs, durationText),
    timeout: made(check.timeoutMs, durationText),
    start_period: made(check.startPeriodMs, durationText),
    start_interval: made(check.startIntervalMs, durationText),
    retries: check.retries,
  };
}

/** Nothing where there is nothing but the network. */
function attachmentPlain(attachment: ComposeAttachment): Plain {
  const fields = {
    aliases: filled(attachment.aliases),
    ipv4_address: attachment.ipv4Address,
    ipv6_address: attachment.ipv6Address,
    mac_address: attachment.macAddress,
    priority: attachment.priority,
    driver_opts: filled(attachment.driverOptions ?? new Map()),
  };
  return Object.values(fields).every((value) => value === undefined) ? null : fields;
}

function mountPlain({ type, source, target, readOnly, consistency, bind, volume, tmpfs }: ComposeMount): PlainObject {
  return {
    type,
    source,
    target,
    read_only: readOnly ? true : undefined,
    consistency,
    bind: made(bind, ({ propagation, createHostPath, selinux }) => ({
      propagation,
      create_host_path: createHostPath,
      selinux,
    })),
    volume: made(volume, ({ nocopy, subpath }) => ({ nocopy, subpath })),
    tmpfs: made(tmpfs, ({ sizeBytes, mode }) => ({ size: made(sizeBytes, String), mode })),
  };
}

function referencePlain({ source, target, uid, gid, mode }: ComposeReference): PlainObject {
  return { source, target, uid, gid, mode };
}
