import { MURMUR_VERSION } from "@murmur/node";
import { expect, it } from "vitest";
import { CLI_VERSION } from "./version.ts";

it("is the daemon's", () => expect(CLI_VERSION).toBe(MURMUR_VERSION));
