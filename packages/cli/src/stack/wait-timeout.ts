import { messageOf } from "@murmur/base";
import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../units/duration.ts";

const DEFAULT_MS = 600_000;

/** In milliseconds. */
export const waitTimeoutOption = (): Option =>
  new Option("--wait-timeout <duration>", "How long to wait for each service, and for each condition that it waits for")
    .default(DEFAULT_MS, "10m")
    .argParser((text: string) => {
      try {
        return parseDuration(text) / 1e6;
      } catch (error) {
        throw new InvalidArgumentError(messageOf(error));
      }
    });
