import { ClusterError } from "@murmur/base";
import { systemCommands, type Commands } from "../overlay/kernel/commands.ts";
import { Overlay } from "../overlay/kernel/overlay.ts";

/** Takes out of the kernel what an overlay of this machine has left there. @throws ClusterError with what can't be */
export async function removeOverlay(commands: Commands = systemCommands): Promise<void> {
  await using overlay = await Overlay.open({ commands });
  const { problems } = await overlay.close();
  const [first] = problems;
  if (first !== undefined) throw new ClusterError("unavailable", `the overlay is not quite removed: ${first}`);
}
