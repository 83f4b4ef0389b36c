import { membersOf, isJoint, isVoter } from "@murmur/raft";
import type { Manager } from "@murmur/manager";
import { voterCount } from "@murmur/manager";
import type { NodeId } from "@murmur/base";
import type { Host } from "../world/host.ts";

/** One leader that all managers follow, with as many voters as the cluster wants, and the other pinned managers as learners. */
export function unmetManagers(hosts: readonly Host[], leader: Host): string[] {
  const status = leader.manager?.status();
  const view = leader.manager?.view;
  if (status === undefined || view === undefined) return [`${leader.name} leads and takes no part`];
  const unmet: string[] = [];
  const { membership } = status;
  const { voters, learners } = membership;
  const eligible = view.nodes().filter(({ spec }) => spec.pinnedRole !== "worker");
  const pinned = new Set(eligible.filter(({ spec }) => spec.pinnedRole === "manager").map(({ id }) => id));
  // A pinned manager that doesn't vote is a learner for good.
  if (isJoint(membership) || learners.some((id) => !pinned.has(id)))
    unmet.push(`the membership is still changing: ${JSON.stringify(membership)}`);
  const wanted = voterCount(Math.max(view.cluster()?.spec.voters ?? 1, pinned.size), eligible.length);
  if (voters.length !== wanted) unmet.push(`there are ${String(voters.length)} voters, wanted are ${String(wanted)}`);
  const live = new Set(hosts.flatMap((host) => idOf(host) ?? []));
  const able = eligible.filter(({ id }) => live.has(id)).length;
  const absent = voters.filter((id) => !live.has(id));
  if (absent.length > Math.max(0, wanted - able)) unmet.push(`voters are gone: ${absent.join(" ")}`);
  const members = new Set(membersOf(membership));
  for (const host of hosts) {
    const id = idOf(host);
    const manager = host.member?.host.manager();
    if (id === undefined) continue;
    if (manager !== undefined) unmet.push(...unmetManager(host, manager, { leader: idOf(leader), of: leader.manager }));
    if (manager === undefined && isVoter(membership, id)) unmet.push(`${host.name} votes and has no manager`);
    if (manager !== undefined && !members.has(id)) unmet.push(`${host.name} has a manager and is no member`);
  }
  return unmet;
}

function unmetManager(
  host: Host,
  manager: Manager,
  { leader, of }: { readonly leader: NodeId | undefined; readonly of: Manager | undefined },
): string[] {
  const unmet: string[] = [];
  const status = manager.status();
  const other = of?.status();
  if (status.leader !== leader) unmet.push(`${host.name} follows ${status.leader ?? "nobody"}`);
  if (status.role === "leader" && manager !== of) unmet.push(`${host.name} leads as well`);
  if (status.applied !== other?.applied)
    unmet.push(`${host.name} has applied up to ${String(status.applied)}, the leader up to ${String(other?.applied)}`);
  if (status.recovering) unmet.push(`${host.name} has not got back yet what its disk has lost`);
  if (status.waiting > 0) unmet.push(`on ${host.name} ${String(status.waiting)} requests wait to be committed`);
  return unmet;
}

/** The node that a host is. */
export const idOf = (host: Host): NodeId | undefined => host.member?.identity.nodeId;
