import { ClusterError, type Millis } from "@murmur/base";
import { changeWithRetry } from "../change-retry.ts";
import type { Cli } from "../cli.ts";
import { stackOf } from "./convert/stack-of.ts";
import type { Application } from "./application-source.ts";
import { unsupportedText } from "./convert/unsupported.ts";
import { deploy } from "./deploy.ts";
import { planOf, type Plan } from "./plan.ts";
import { isEmpty, planText } from "./plan-text.ts";
import { StackImages, type ResolveMode } from "./stack-images.ts";

export interface DeployFlags {
  readonly allowUnsupported?: boolean;
  readonly detach?: boolean;
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly quiet?: boolean;
  readonly resolveImage: ResolveMode;
  readonly waitTimeout: Millis;
  readonly withRegistryAuth?: boolean;
  readonly yes?: boolean;
}

/**
 * Deploys an application as a stack: shows the plan, asks where there is somebody to ask, and does it. Errors: `unsupported`
 * with all that a cluster can't honour; those of the plan and of the deployment.
 */
export async function deployApplication(
  cli: Cli,
  { project, unsupported, notes }: Application,
  how: DeployFlags & { readonly stack: string },
): Promise<void> {
  reportUnsupported(cli, unsupported, how.allowUnsupported === true);
  const wish = stackOf(project, how.stack);
  const client = await cli.client();
  const prune = how.prune === true;
  const images = new StackImages(cli, client, { mode: how.resolveImage, withAuth: how.withRegistryAuth === true });
  const plan = await changeWithRetry(() => planOf(client, wish, { images, prune }));
  for (const note of [...notes, ...wish.notes]) cli.note(`murmur: note: ${note}`);
  for (const warning of plan.warnings) cli.note(`murmur: warning: ${warning}`);
  cli.print(planText(plan));
  if (how.dryRun === true) return;
  if (!(await isWanted(cli, plan, how.yes === true))) return cli.note("Nothing was changed.");
  const { waitTimeout: waitTimeoutMs, detach = false, quiet = false } = how;
  await deploy(cli, plan, { images, detach, quiet, prune, waitTimeoutMs });
}

function reportUnsupported(cli: Cli, unsupported: Application["unsupported"], allow: boolean): void {
  const texts = unsupported.map(unsupportedText);
  if (texts.length === 0) return;
  if (allow) return texts.forEach((text) => cli.note(`murmur: warning: left out: ${text}`));
  throw new ClusterError(
    "unsupported",
    `not supported in a cluster: ${texts.join("; ")}; take it out, or deploy without it with --allow-unsupported`,
  );
}

/** A person is asked; a script, like Docker's user, has said what it wants. */
async function isWanted({ ports }: Cli, plan: Plan, yes: boolean): Promise<boolean> {
  if (yes || isEmpty(plan) || !ports.stdin.isTerminal || !ports.stdout.isTerminal) return true;
  const answer = await ports.ask(`Deploy stack ${plan.wish.stack}? [y/N] `);
  return /^y(es)?$/i.test(answer?.trim() ?? "");
}
