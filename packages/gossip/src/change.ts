import { isLive, sameContent, type Member } from "./member.ts";

/**
 * What happened to a member: `joined` (new, or back after having left), `alive` (a suspicion was refuted, or a dead one
 * is back), `updated` (address or meta), `suspected`, `dead`, `left`, `forgotten` (no longer remembered at all).
 */
export type MemberChange = "joined" | "alive" | "updated" | "suspected" | "dead" | "left" | "forgotten";

/** What to report when a member went from one view to another, in order. */
export function changesBetween(before: Member | undefined, after: Member): readonly MemberChange[] {
  const changes: MemberChange[] = [];
  if (after.state !== before?.state) {
    if (isLive(after.state)) {
      const arrival = before === undefined || before.state === "left" ? "joined" : "alive";
      if (before === undefined || after.state === "alive" || !isLive(before.state)) changes.push(arrival);
      if (after.state === "suspect") changes.push("suspected");
    } else if (after.state === "dead") changes.push("dead");
    else changes.push("left");
  }
  if (before !== undefined && !sameContent(before, after)) changes.push("updated");
  return changes;
}
