import { once } from "node:events";
import { createServer } from "node:net";
import { ClusterError, messageOf } from "@murmur/base";

/** Whether a loopback address can be listened on. Errors: `failed_precondition`, saying what to do. */
export async function checkLoopback(ip: string): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host: ip, port: 0 });
    await once(server, "listening");
  } catch (error) {
    const hint = process.platform === "darwin" ? `: run \`sudo ifconfig lo0 alias ${ip} up\` for each node` : "";
    throw new ClusterError(
      "failed_precondition",
      `${ip} can't be listened on (${messageOf(error)}); each node of \`murmur dev\` needs a loopback address of its own${hint}`,
      { cause: error },
    );
  } finally {
    server.close();
  }
}
