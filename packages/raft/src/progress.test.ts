import { describe, expect, it } from "vitest";
import { Inflight } from "./inflight.ts";
import {
  isPaused,
  newProgress,
  noteAccepted,
  noteLost,
  noteRejected,
  noteSent,
  toProbe,
  toReplicate,
  toSnapshot,
  type Progress,
} from "./progress.ts";

function replicating(match: number, sent: number): Progress {
  const progress = newProgress(match + 1);
  noteAccepted(progress, match);
  toReplicate(progress, new Inflight(2, 1000));
  if (sent > match) noteSent(progress, sent, 10);
  return progress;
}

describe("the progress of a follower", () => {
  it("waits after one probe", () => {
    const progress = newProgress(5);
    expect(isPaused(progress)).toBe(false);
    noteSent(progress, 6, 10);
    expect(isPaused(progress)).toBe(true);
    expect(progress.next).toBe(5);
  });

  it("goes back to where the logs may agree, and takes no notice of stale refusals", () => {
    const progress = newProgress(9);
    noteSent(progress, 9, 10);
    expect(noteRejected(progress, 5, 2)).toBe(false);
    expect(noteRejected(progress, 8, 4)).toBe(true);
    expect(progress).toMatchObject({ next: 5, sending: { kind: "probe", waiting: false } });
    expect(noteRejected(progress, 4, 9)).toBe(true);
    expect(progress.next).toBe(4);
  });

  it("pipelines optimistically, and falls back to the match", () => {
    const progress = replicating(4, 8);
    expect(progress.next).toBe(9);
    expect(noteRejected(progress, 4, 2)).toBe(false);
    expect(noteRejected(progress, 8, 6)).toBe(true);
    expect(progress).toMatchObject({ match: 4, next: 5, sending: { kind: "probe" } });
  });

  it("never lets the match fall by a late answer", () => {
    const progress = replicating(4, 8);
    expect(noteAccepted(progress, 7)).toBe(true);
    expect(noteAccepted(progress, 5)).toBe(false);
    expect(progress.match).toBe(7);
  });

  it("goes on behind a finished snapshot, and before a failed one", () => {
    const progress = newProgress(3);
    toSnapshot(progress, 40);
    expect(isPaused(progress)).toBe(true);
    toProbe(progress, { waiting: true });
    expect(progress.next).toBe(41);
    toSnapshot(progress, 0);
    toProbe(progress, { waiting: true });
    expect(progress).toMatchObject({ next: 1, sending: { kind: "probe", waiting: true } });
  });

  it("forgets everything when the follower has lost entries", () => {
    const progress = replicating(8, 9);
    noteLost(progress, 9, 3);
    expect(progress).toMatchObject({ match: 0, next: 4, sending: { kind: "probe", waiting: false } });
    noteLost(progress, 3, 3);
    expect(progress.next).toBe(3);
  });
});
