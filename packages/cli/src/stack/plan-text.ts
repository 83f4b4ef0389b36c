import type { FieldChange } from "@murmur/api";
import { valueText } from "../service/dry-run.ts";
import type { Plan } from "./plan.ts";
import type { ServiceStep } from "./service-step.ts";
import { IMAGE_LABEL } from "./stack-name.ts";

/** What the file calls a field of Docker's spec; others are called by their path. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^TaskTemplate\.ContainerSpec\.Image$/, "image"],
  [/^TaskTemplate\.ContainerSpec\.Env(?:\[\])?$/, "environment"],
  [/^TaskTemplate\.ContainerSpec\.Args$/, "command"],
  [/^TaskTemplate\.ContainerSpec\.Command$/, "entrypoint"],
  [/^TaskTemplate\.ContainerSpec\.Mounts(?:\[\])?$/, "volumes"],
  [/^TaskTemplate\.ContainerSpec\.Configs(?:\[\])?$/, "configs"],
  [/^TaskTemplate\.ContainerSpec\.Secrets(?:\[\])?$/, "secrets"],
  [/^TaskTemplate\.ContainerSpec\.Healthcheck/, "healthcheck"],
  [/^TaskTemplate\.ContainerSpec\.Labels/, "labels"],
  [/^TaskTemplate\.Networks(?:\[\])?$/, "networks"],
  [/^TaskTemplate\.ForceUpdate$/, "restarts"],
  [/^TaskTemplate\.Resources\.Limits/, "deploy.resources.limits"],
  [/^TaskTemplate\.Resources\.Reservations/, "deploy.resources.reservations"],
  [/^TaskTemplate\.RestartPolicy/, "deploy.restart_policy"],
  [/^TaskTemplate\.Placement/, "deploy.placement"],
  [/^UpdateConfig/, "deploy.update_config"],
  [/^RollbackConfig/, "deploy.rollback_config"],
  [/^Mode\.Replicated\.Replicas$/, "deploy.replicas"],
  [/^Labels/, "deploy.labels"],
  [/^EndpointSpec\.Ports(?:\[\])?$/, "ports"],
  [/^TaskTemplate\.ContainerSpec\./, ""],
];

/** Whether there is anything to do. */
export const isEmpty = ({ services, networks, configs, secrets, removed }: Plan): boolean =>
  services.every(({ kind }) => kind === "keep") &&
  [networks, configs, secrets, ...Object.values(removed)].every((list) => list.length === 0);

/**
 * What a deployment would do, for people: a line for each object, and under what changes a line for each field. Nothing of
 * what is in a secret or a config.
 */
export function planText(plan: Plan): string {
  const lines = [
    ...plan.removed.services.map(({ Spec, ID }) => `- service ${Spec.Name ?? ID}`),
    ...plan.networks.map(({ Name }) => `+ network ${Name}`),
    ...plan.configs.map(({ name }) => `+ config ${name}`),
    ...plan.secrets.map(({ name }) => `+ secret ${name}`),
    ...plan.services.flatMap((step) => stepLines(step, plan.networkNames)),
    ...plan.removed.networks.map(({ Name }) => `- network ${Name}`),
    ...plan.removed.configs.map(({ Spec }) => `- config ${Spec.Name}`),
    ...plan.removed.secrets.map(({ Spec }) => `- secret ${Spec.Name}`),
  ];
  const count = (kind: ServiceStep["kind"]): number => plan.services.filter((step) => step.kind === kind).length;
  const counts = [
    `${String(count("create"))} created`,
    `${String(count("update"))} changed`,
    `${String(count("keep"))} unchanged`,
    `${String(plan.removed.services.length)} removed`,
  ];
  return [`Stack ${plan.wish.stack}:`, ...lines.map((line) => `  ${line}`), `Services: ${counts.join(", ")}`].join(
    "\n",
  );
}

function stepLines(step: ServiceStep, networkNames: Plan["networkNames"]): readonly string[] {
  switch (step.kind) {
    case "create":
      return [`+ service ${step.wish.name}: ${step.spec.TaskTemplate.ContainerSpec.Image}`];
    case "update":
      return [
        `~ service ${step.wish.name}`,
        ...shownChanges(step.changes).map((change) => `    ${changeText(change, networkNames)}`),
      ];
    case "keep":
      return [`= service ${step.wish.name}`];
  }
}

/** The label that has the image's name too says the same twice. */
function shownChanges(changes: readonly FieldChange[]): readonly FieldChange[] {
  const shown = changes.filter(({ field }) => field !== `Labels["${IMAGE_LABEL}"]`);
  return shown.length > 0 ? shown : changes;
}

/** `image: a → b`; of a list, and of what comes or goes, `environment: + A=1`. */
function changeText(change: FieldChange, networkNames: Plan["networkNames"]): string {
  const { field } = change;
  const side = (value: unknown): string => entryText(field, value, networkNames);
  const name = fieldText(field);
  if (!("before" in change)) return `${name}: + ${side(change.after)}`;
  if (!("after" in change)) return `${name}: - ${side(change.before)}`;
  return `${name}: ${side(change.before)} → ${side(change.after)}`;
}

function fieldText(field: string): string {
  const known = WORDS.find(([pattern]) => pattern.test(field));
  return known === undefined ? field.replace(/\[\]$/, "") : field.replace(known[0], known[1]).replace(/\[\]$/, "");
}

function entryText(field: string, value: unknown, networkNames: Plan["networkNames"]): string {
  if (typeof value === "object" && value !== null) {
    for (const key of ["ConfigName", "SecretName"]) {
      const name: unknown = Reflect.get(value, key);
      const file: unknown = Reflect.get(value, "File");
      if (typeof name === "string") return `${name}${targetText(file)}`;
    }
    const target: unknown = Reflect.get(value, "Target");
    if (field.endsWith("Networks[]") && typeof target === "string") {
      const aliases: unknown = Reflect.get(value, "Aliases");
      return `${networkNames.get(target) ?? target}${Array.isArray(aliases) ? ` (${aliases.join(", ")})` : ""}`;
    }
  }
  return valueText(field, value);
}

const targetText = (file: unknown): string => {
  const name: unknown = typeof file === "object" && file !== null ? Reflect.get(file, "Name") : undefined;
  return typeof name === "string" ? ` at ${name}` : "";
};
