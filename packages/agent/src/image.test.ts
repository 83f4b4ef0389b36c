import { expect, it } from "vitest";
import { localImage } from "./image.ts";

it.each([
  ["web", "web"],
  ["web:1", "web:1"],
  ["web:1@sha256:abc", "web:1"],
  ["registry:5000/team/web:1@sha256:abc", "registry:5000/team/web:1"],
  ["registry:5000/team/web@sha256:abc", "registry:5000/team/web@sha256:abc"],
  ["web@sha256:abc", "web@sha256:abc"],
])("%s is on a node as %s", (reference, local) => {
  expect(localImage(reference)).toBe(local);
});
