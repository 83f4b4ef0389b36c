import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { getContainerRuntimeClient, StartedNetwork } from "testcontainers";
import { NODE_IMAGE } from "./node-container.ts";

const execFilePromised = promisify(execFile);

/**
 * A network whose hosts are connected as by a switch (macvlan): it passes frames on and looks at nothing else. The bridge of an
 * ordinary network tracks every packet and leads it through the filters of the machine that the hosts run on, which costs all of
 * them processor time that hosts of their own would not have to give. This machine itself can't reach the hosts.
 *
 * @param name made by `ownName`
 */
export async function startSwitchedNetwork(name: string): Promise<StartedNetwork> {
  const [parent, end] = cableOf(name);
  await onTheEnginesMachine(
    `ip link add ${parent} type veth peer ${end} && ip link set ${parent} up && ip link set ${end} up`,
  );
  try {
    const client = await getContainerRuntimeClient();
    const network = await client.network.create({ Name: name, Driver: "macvlan", Options: { parent } });
    return new StartedNetwork(client, name, network);
  } catch (error) {
    await removeCable(name);
    throw error;
  }
}

/** Removes what `startSwitchedNetwork` made beside the network itself, once that is gone. */
export const removeCable = (name: string): Promise<void> => onTheEnginesMachine(`ip link del ${cableOf(name)[0]}`);

/** The two ends of a cable that lead nowhere: the frames of hosts to others are passed on before it. */
function cableOf(name: string): readonly [string, string] {
  const own = /[0-9a-f]{8}$/.exec(name)?.[0];
  if (own === undefined) throw new Error(`${name} is no name of ours`);
  return [`mm${own}a`, `mm${own}b`];
}

async function onTheEnginesMachine(script: string): Promise<void> {
  const rights = ["--network", "host", "--cap-add", "NET_ADMIN"];
  await execFilePromised("docker", ["run", "--rm", ...rights, "--entrypoint", "sh", NODE_IMAGE, "-c", script]);
}
