import { beforeEach, describe, expect, it } from "vitest";
import type { SecretsKeyRotationAnswer } from "../murmur-types.ts";
import { Asker } from "../testing/asker.ts";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
});

const shown = async (): Promise<SecretsKeyRotationAnswer> =>
  (await asker.ask<SecretsKeyRotationAnswer>("/murmur/secrets-key")).body;

describe("the key of secrets", () => {
  it("is replaced when somebody asks for it, and shown how far that is", async () => {
    expect(await shown()).toEqual({ total: 0 });
    const Data = Buffer.from("hunter2").toString("base64");
    expect((await asker.ask("/secrets/create", "POST", { Name: "db", Data })).status).toBe(201);
    const { status, body } = await asker.ask<SecretsKeyRotationAnswer>("/murmur/secrets-key/rotate", "POST", {});
    expect([status, body]).toEqual([
      200,
      {
        total: 1,
        since: expect.stringMatching(/Z$/),
        rotation: { phase: "hold", left: 1, among: ["secret db"], waitsFor: [] },
      },
    ]);
    const replica = asker.ports.replica ?? expect.fail("there is a cluster");
    const { digest = "" } = replica.store.view.cluster()?.sealKey ?? {};
    replica.apply({ kind: "advanceSealKey", digest, phase: "hold" });
    expect((await shown()).rotation).toMatchObject({ phase: "seal", left: 1 });
    const again = await asker.ask<{ message: string }>("/murmur/secrets-key/rotate", "POST", {});
    expect([again.status >= 400, again.body.message]).toEqual([true, expect.stringMatching(/let that end/)]);
  });
});
