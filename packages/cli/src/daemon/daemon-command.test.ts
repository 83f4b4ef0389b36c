import { expect, it } from "vitest";
import { runMurmur } from "../testing/run-murmur.ts";

it("runs with defaults that fit root, and others for everybody else", async () => {
  const { daemons, status } = await runMurmur(["daemon"]);
  expect(status).toBe(0);
  expect(daemons).toEqual([
    {
      dataDir: "/var/lib/murmur",
      socketPath: "/run/murmur/docker.sock",
      tcp: undefined,
      dockerHost: "unix:///var/run/docker.sock",
      listenAddr: undefined,
      advertiseAddr: undefined,
      dataPlane: undefined,
      peers: [],
      dnsAddr: "127.0.0.1:7353",
      publishAddr: undefined,
      dnsUpstreams: [],
      filesDir: undefined,
      genericResources: {},
      allowPrivileged: false,
      allowDevices: [],
      hostname: undefined,
      logLevel: "info",
      logFormat: "text",
    },
  ]);
  const env = {
    XDG_RUNTIME_DIR: "/run/user/7",
    DOCKER_HOST: "tcp://10.0.0.9:2375",
    MURMUR_DNS_UPSTREAM: "1.1.1.1 9.9.9.9:53",
  };
  const other = await runMurmur(["daemon", "--dns-addr", "none"], { isRoot: false, home: "/home/me", env });
  expect(other.daemons[0]).toMatchObject({
    dataDir: "/home/me/.local/share/murmur",
    socketPath: "/run/user/7/murmur/docker.sock",
    dockerHost: "tcp://10.0.0.9:2375",
    dnsAddr: undefined,
    dnsUpstreams: ["1.1.1.1", "9.9.9.9:53"],
  });
});

it("takes flags over variables over defaults", async () => {
  process.env["MURMUR_LOG_LEVEL"] = "warn";
  process.env["MURMUR_HOSTNAME"] = "from-env";
  try {
    const { daemons } = await runMurmur(["daemon", "--hostname", "from-flag", "--dns-upstream", "1.1.1.1"]);
    expect(daemons[0]).toMatchObject({ logLevel: "warn", hostname: "from-flag", dnsUpstreams: ["1.1.1.1"] });
  } finally {
    delete process.env["MURMUR_LOG_LEVEL"];
    delete process.env["MURMUR_HOSTNAME"];
  }
});

it("permits devices and privileges only when it is told to", async () => {
  const given = await runMurmur([
    "daemon",
    "--allow-device",
    "/dev/fuse",
    "--allow-device",
    "/dev/dri",
    "--allow-privileged",
  ]);
  expect(given.daemons[0]).toMatchObject({ allowPrivileged: true, allowDevices: ["/dev/fuse", "/dev/dri"] });
  const env = { MURMUR_ALLOW_DEVICE: "/dev/fuse", MURMUR_ALLOW_PRIVILEGED: "1" };
  const { daemons } = await runMurmur(["daemon"], { env });
  expect(daemons[0]).toMatchObject({ allowPrivileged: false, allowDevices: ["/dev/fuse"] });
  for (const path of ["fuse", "/dev/../etc", "/dev//fuse"]) {
    const { stderr, status } = await runMurmur(["daemon", "--allow-device", path]);
    expect(status).toBe(2);
    expect(stderr).toContain(`--allow-device ${path}: give the absolute path of a device, such as /dev/fuse`);
  }
});

it("takes the addresses of a host that has moved", async () => {
  const line = "daemon --listen-addr 10.9.0.1:7373 --advertise-addr eth1 --peer 10.9.0.2 --peer [fd00::3]:99";
  const { daemons } = await runMurmur(line.split(" "));
  const peers = ["10.9.0.2:7373", "[fd00::3]:99"];
  expect(daemons[0]).toMatchObject({ listenAddr: "10.9.0.1:7373", advertiseAddr: "eth1", peers });
  const { daemons: more } = await runMurmur(["daemon"], { env: { MURMUR_PEER: "host2, host3:7000" } });
  expect(more[0]).toMatchObject({ peers: ["host2:7373", "host3:7000"] });
});

it("serves the API over TCP only with certificates", async () => {
  const files = "--tlscacert /etc/murmur/ca.pem --tlscert /etc/murmur/cert.pem --tlskey /etc/murmur/key.pem";
  const { daemons } = await runMurmur(["daemon", "--api-addr", "[fd00::1]:2376", ...files.split(" ")]);
  const tls = { ca: "/etc/murmur/ca.pem", cert: "/etc/murmur/cert.pem", key: "/etc/murmur/key.pem" };
  expect(daemons[0]).toMatchObject({ tcp: { host: "fd00::1", port: 2376, tls } });
  const bare = await runMurmur(["daemon", "--api-addr", "0.0.0.0:2376", "--tlscacert", "/etc/murmur/ca.pem"]);
  expect(bare).toMatchObject({ status: 2, daemons: [] });
  expect(bare.stderr).toContain("--api-addr needs --tlscacert, --tlscert and --tlskey");
  const useless = await runMurmur(["daemon", ...files.split(" ")]);
  expect(useless).toMatchObject({ status: 2, daemons: [] });
  expect(useless.stderr).toContain("are for --api-addr: give that, too");
});

it.each([
  ["--peer 10.0.0.2:0", "--peer 10.0.0.2:0: give IP:PORT"],
  [Array.from({ length: 17 }, () => "--peer h").join(" "), "--peer: give at most 16"],
  ["--listen-addr 7373", "--listen-addr 7373: give IP:PORT, such as 10.0.0.1:7373 or [fd00::1]:7373"],
  ["--api-addr 2376 --tlscacert a --tlscert b --tlskey c", "--api-addr 2376: give IP:PORT"],
  ["--dns-addr 1.2.3.4:99999", "--dns-addr 1.2.3.4:99999: give IP:PORT"],
  ["--log-level loud", "option '--log-level <level>' argument 'loud' is invalid"],
])("%s is refused", async (line, message) => {
  const { daemons, stderr, status } = await runMurmur(["daemon", ...line.split(" ")]);
  expect(daemons).toEqual([]);
  expect(stderr).toContain(message);
  expect(status).toBe(2);
});
