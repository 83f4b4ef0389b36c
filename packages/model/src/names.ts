import { map, text, type Check } from "./check.ts";
import { LIMITS } from "./limits.ts";

/** The names of services, networks, clusters and volumes: Docker's rule. */
export const objectName: Check = text({
  min: 1,
  max: LIMITS.nameLength,
  pattern: /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
  says: `1 to ${LIMITS.nameLength} letters, digits, "_", "." or "-", the first a letter or a digit`,
});

/** The name of a volume as an engine has it. A spec's are shorter (`objectName`), but for what its templates become. */
export const volumeName: Check = text({
  min: 1,
  max: 255,
  pattern: /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
  says: "a volume's name",
});

/** Ids of this cluster's objects, as commands carry them: never empty, and safe in a file name, a log line, a key. */
export const objectId: Check = text({
  min: 1,
  max: 64,
  pattern: /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
  says: "an id",
});

/** One line for people. */
export const line = (max: number): Check =>
  text({ max, pattern: /^[^\r\n]*$/, says: `one line of at most ${max} characters` });

export const labels: Check = map(
  text({
    min: 1,
    max: 1_024,
    pattern: /^[^\s=][^\r\n\t=]*$/,
    says: 'a label name: 1 to 1024 characters without "=", tab or line end, the first no space',
  }),
  text({ max: 65_536 }),
);

/** Options of a driver: any texts. */
export const options: Check = map(text({ min: 1, max: 1_024 }), text({ max: 65_536 }));

/** A path as the engine takes it, from the root. */
export const absolutePath: Check = text({ min: 1, max: 4_096, pattern: /^\//, says: "an absolute path" });

/** A name as DNS has it, of one or more labels. */
export const dnsName: Check = text({
  min: 1,
  max: 253,
  pattern: /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*$/,
  says: "a DNS name",
});
