import { afterEach, expect } from "vitest";
import { AgentWorld, type AgentWorldOptions } from "./agent-world.ts";

/**
 * For the tests of one file: begins the world of a test, of which there is one. After the test its agent is stopped, and
 * must have come upon no error.
 */
export function agentWorlds(): (options?: AgentWorldOptions) => Promise<AgentWorld> {
  let begun: AgentWorld | undefined;
  afterEach(async () => {
    begun?.wakeDisk();
    await begun?.agent.stop();
    expect(begun?.errors).toEqual([]);
    expect(begun?.networks.violations).toEqual([]);
  });
  return async (options = {}) => {
    const world = new AgentWorld(options);
    begun = world;
    await world.start();
    await world.pass(1_000);
    return world;
  };
}
