"""Drives a served API through Docker's own Python SDK, as scripts and Ansible's modules do. The socket is its argument."""

import sys

import docker
from docker import types
from docker.errors import APIError, NotFound

SECOND = 1_000_000_000
client = docker.DockerClient(base_url="unix://" + sys.argv[1], version="auto")


def expect(found, wanted, what):
    if found != wanted:
        sys.exit(f"{what}: found {found!r}, wanted {wanted!r}")


def refused(call, kind, text):
    try:
        call()
    except kind as error:
        if text not in str(error):
            sys.exit(f"{text!r} is not in {error}")
        return
    sys.exit(f"was not refused: {text}")


def swarm():
    expect(client.info()["Swarm"]["LocalNodeState"], "active", "the state of the swarm")
    client.swarm.update(
        task_history_retention_limit=7,
        snapshot_interval=5_000,
        log_entries_for_slow_followers=1_200,
        heartbeat_tick=2,
        election_tick=20,
        dispatcher_heartbeat_period=6 * SECOND,
    )
    client.swarm.reload()
    spec = client.swarm.attrs["Spec"]
    expect(spec["Orchestration"]["TaskHistoryRetentionLimit"], 7, "the history")
    expect(spec["Raft"]["SnapshotInterval"], 5_000, "the snapshot interval")
    expect(spec["Dispatcher"]["HeartbeatPeriod"], 6 * SECOND, "the heartbeat")
    expect(client.swarm.get_unlock_key(), {"UnlockKey": ""}, "the unlock key")


def nodes():
    expect(len(client.nodes.list(filters={"role": "manager"})), 1, "managers")
    node = client.nodes.list(filters={"name": "beta"})[0]
    node.update({"Availability": "active", "Role": "worker", "Labels": {"zone": "b"}})
    node.reload()
    expect(node.attrs["Spec"]["Labels"], {"zone": "b"}, "the node's labels")


def objects():
    secret = client.secrets.create(name="sdk-secret", data=b"x", labels={"a": "b"})
    expect([each.name for each in client.secrets.list(filters={"name": "sdk-secret"})], ["sdk-secret"], "secrets")
    config = client.configs.create(name="sdk-config", data=b"x")
    expect(client.configs.get(config.id).attrs["Spec"]["Data"], "eA==", "the config's data")
    network = client.networks.create("sdk-network", driver="overlay", scope="swarm", labels={"a": "b"})
    expect([each.name for each in client.networks.list(names=["sdk-network"])], ["sdk-network"], "networks")
    return secret, config, network


def service(secret, config):
    return client.services.create(
        "nginx:1",
        name="sdk",
        command=["serve"],
        args=["all"],
        constraints=["node.role==worker"],
        preferences=[("spread", "node.labels.zone")],
        platforms=[("amd64", "linux")],
        maxreplicas=2,
        container_labels={"team": "a"},
        labels={"team": "a"},
        endpoint_spec=types.EndpointSpec(mode="vip", ports={8_581: (80, "tcp", "host"), 8_582: 90}),
        env=["A=1"],
        hostname="h-{{.Task.Slot}}",
        init=True,
        tty=True,
        read_only=True,
        open_stdin=True,
        user="1000",
        groups=["staff"],
        workdir="/srv",
        hosts={"elsewhere": "192.0.2.1"},
        dns_config=types.DNSConfig(nameservers=["192.0.2.53"], search=["example"], options=["ndots:1"]),
        cap_add=["NET_ADMIN"],
        cap_drop=["ALL"],
        sysctls={"net.core.somaxconn": "1024"},
        stop_signal="SIGINT",
        stop_grace_period=3 * SECOND,
        healthcheck=types.Healthcheck(test=["CMD", "true"], interval=SECOND, start_period=2 * SECOND),
        log_driver="json-file",
        log_driver_options={"max-size": "1m"},
        mode=types.ServiceMode("replicated", 2),
        mounts=["data:/data:rw", "/etc:/host:ro"],
        networks=["sdk-network"],
        resources=types.Resources(cpu_limit=SECOND // 2, mem_limit=2**26, cpu_reservation=SECOND // 10),
        restart_policy=types.RestartPolicy(condition="on-failure", delay=SECOND, max_attempts=3, window=SECOND),
        secrets=[types.SecretReference(secret.id, "sdk-secret", filename="f", uid="1", gid="2", mode=0o400)],
        configs=[types.ConfigReference(config.id, "sdk-config")],
        update_config=types.UpdateConfig(
            parallelism=2, delay=SECOND, failure_action="rollback", max_failure_ratio=0.1, order="start-first"
        ),
        rollback_config=types.RollbackConfig(parallelism=1, order="stop-first"),
    )


def services(secret, config):
    made = service(secret, config)
    listed = client.services.list(filters={"label": "team=a"}, status=True)
    expect([each.name for each in listed], ["sdk"], "services")
    expect(listed[0].attrs["ServiceStatus"]["DesiredTasks"], 2, "wanted tasks")
    made.update(image="nginx:2", labels={"team": "b"})
    made.reload()
    expect(made.attrs["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"], "nginx:2", "the image after the update")
    expect(made.attrs["Spec"]["Labels"], {"team": "b"}, "the labels after the update")
    stale = made.version
    made.force_update()
    refused(lambda: client.api.update_service(made.id, version=stale, fetch_current_spec=True), APIError, "out of sequence")
    made.reload()
    made.scale(4)
    made.reload()
    expect(made.attrs["Spec"]["Mode"]["Replicated"]["Replicas"], 4, "replicas after scaling")
    expect(made.tasks(filters={"desired-state": "running"}), [], "tasks")
    expect(list(made.logs(stdout=True, stderr=True, tail=1)), [], "logs")
    made.remove()
    refused(lambda: client.services.get("sdk"), NotFound, "service sdk not found")


swarm()
nodes()
parts = objects()
services(*parts[:2])
client.networks.get("sdk-network").remove()
parts[0].remove()
parts[1].remove()
print(client.api._version)
