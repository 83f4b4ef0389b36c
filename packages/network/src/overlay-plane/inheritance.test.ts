import { ManualClock, nodeId } from "@murmur/base";
import { serviceId, taskId, type EndpointTable } from "@murmur/model";
import { beforeEach, describe, expect, it } from "vitest";
import { Inheritance } from "./inheritance.ts";

const self = nodeId("n1");
const [mine, second, other] = [taskId("mine"), taskId("second"), taskId("other")];
const table = (...own: readonly (typeof mine)[]): EndpointTable => ({
  version: 1,
  networks: [],
  services: [
    {
      serviceId: serviceId("s"),
      name: "s",
      networks: [],
      published: [],
      endpoints: [],
      attached: [
        ...own.map((id) => ({ taskId: id, nodeId: self, addresses: [] })),
        { taskId: other, nodeId: nodeId("n2"), addresses: [] },
      ],
    },
  ],
});

describe("what a former process has left", () => {
  const nobody = (): boolean => false;
  let clock: ManualClock;
  let inheritance: Inheritance;
  let isDone: boolean;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  beforeEach(() => {
    clock = new ManualClock();
    inheritance = new Inheritance({ self, clock });
    isDone = false;
    void inheritance.adopted.then(() => (isDone = true));
  });

  it("is there again when each of this node's tasks is attached", async () => {
    inheritance.know(table(mine, second), nobody);
    inheritance.adopt(mine);
    inheritance.adopt(other);
    await settle();
    expect(isDone).toBe(false);
    inheritance.adopt(second);
    await settle();
    expect(isDone).toBe(true);
  });

  it("is nothing that has ended meanwhile, or was attached before the table was known", async () => {
    inheritance.adopt(second);
    inheritance.know(table(mine, second), (id) => id === second);
    await settle();
    expect(isDone).toBe(false);
    inheritance.know(table(), nobody);
    await settle();
    expect(isDone).toBe(true);
  });

  it("is not added to by tasks that come later", async () => {
    inheritance.know(table(mine), nobody);
    inheritance.know(table(mine, second), nobody);
    inheritance.adopt(mine);
    await settle();
    expect(isDone).toBe(true);
  });

  it("is waited for so long and no longer, also where nothing is known", async () => {
    await clock.advance(4_999);
    await settle();
    expect(isDone).toBe(false);
    await clock.advance(1);
    await settle();
    expect(isDone).toBe(true);
  });
});
