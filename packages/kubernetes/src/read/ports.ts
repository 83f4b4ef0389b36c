import { problem, shown, type ComposePort, type Fields } from "@murmur/compose";

/** A port that a container listens on. */
export interface ContainerPort {
  readonly name: string | undefined;
  readonly target: number;
  readonly protocol: ComposePort["protocol"];
}

export const protocolOf = (fields: Fields): ComposePort["protocol"] =>
  (fields.text("protocol") ?? "TCP").toLowerCase() as ComposePort["protocol"];

/** A container's ports, and those of its host that it asks for. */
export function readContainerPorts(container: Fields): {
  readonly ports: readonly ContainerPort[];
  readonly onHost: readonly ComposePort[];
} {
  const ports: ContainerPort[] = [];
  const onHost: ComposePort[] = [];
  for (const fields of container.each("ports")) {
    const port = {
      name: fields.text("name"),
      target: fields.number("containerPort") ?? 0,
      protocol: protocolOf(fields),
    };
    if (port.name !== undefined && ports.some(({ name }) => name === port.name))
      throw problem(fields.tree.place, `${fields.path}.name`, `${shown(port.name)} is there already; rename one`);
    ports.push(port);
    const [published, hostIp] = [fields.number("hostPort"), fields.text("hostIP")];
    if (published === undefined) continue;
    const { target, protocol } = port;
    onHost.push({
      target,
      published,
      protocol,
      mode: "host",
      ...(hostIp !== undefined && hostIp !== "" && { hostIp }),
    });
  }
  return { ports, onHost };
}
