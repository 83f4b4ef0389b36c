import { nodeId } from "@murmur/base";
import { expect, it } from "vitest";
import { chooseConnection, type Candidate } from "./choose-connection.ts";

const [A, B] = [nodeId("a"), nodeId("b")];
const candidate = (dialled: boolean, connection: string, changes: Partial<Candidate["hello"]> = {}): Candidate => ({
  dialled,
  hello: { instance: "i", connection, closed: [], ...changes },
});

it("keeps the same connection on both sides, in whichever order each sees them", () => {
  // Connection 1 is dialled by A, connection 2 by B.
  const kept = (self: "A" | "B", first: 1 | 2): number => {
    const ids = self === "A" ? { self: A, peer: B } : { self: B, peer: A };
    const of = (name: 1 | 2): Candidate => candidate((name === 1) === (self === "A"), String(name));
    const second = first === 1 ? 2 : 1;
    return chooseConnection(of(first), of(second), ids) === "retire-next" ? first : second;
  };
  expect([kept("A", 1), kept("A", 2), kept("B", 1), kept("B", 2)]).toEqual([1, 1, 1, 1]);
});

it("takes the newer of two that the same side dialled", () => {
  expect(chooseConnection(candidate(true, "1"), candidate(true, "2"), { self: A, peer: B })).toBe("retire-current");
});

it("replaces the connection of a process that is gone", () => {
  const next = candidate(false, "2", { instance: "j" });
  expect(chooseConnection(candidate(true, "1"), next, { self: A, peer: B })).toBe("replace");
});

it("replaces a connection that the peer knows to be closed", () => {
  const next = candidate(false, "2", { closed: ["0", "1"] });
  expect(chooseConnection(candidate(true, "1"), next, { self: A, peer: B })).toBe("replace");
});
