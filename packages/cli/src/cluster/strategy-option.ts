import { Option } from "commander";

const STRATEGIES = ["spread", "binpack"] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const strategyOption = (more?: string): Option =>
  new Option(
    "--strategy <strategy>",
    ["How services that name no strategy are placed: even the load out, or fill nodes up", more].join(" ").trimEnd(),
  ).choices(STRATEGIES);
