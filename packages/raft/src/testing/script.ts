import { assert, nodeId, type NodeId } from "@murmur/base";
import { membershipOf, NO_MEMBERSHIP, type MemberStep, type RaftConfig } from "../index.ts";
import { Stage } from "./stage.ts";

/** The narrow limits of traces, so that few lines reach them. */
const TRACE_CONFIG: Partial<RaftConfig> = { electionTicks: 10, heartbeatTicks: 2 };

/** Runs a trace: keeps comments and commands (`> …`), and puts after each command what it made happen. */
export function replay(trace: string): string {
  const player = new Player();
  const output: string[] = [];
  for (const line of trace.split("\n")) {
    if (line.startsWith("> ")) output.push(line, ...player.play(line.slice(2)).map((said) => `  ${said}`));
    else if (!line.startsWith("  ")) output.push(line);
  }
  return output.join("\n");
}

/** The commands of a trace. */
class Player {
  #stage = new Stage(TRACE_CONFIG);

  play(command: string): string[] {
    const [verb = "", ...words] = command.split(" ");
    const run = this.#verbs[verb];
    assert(run !== undefined, `no command ${verb}`);
    run(words);
    return this.#stage.takeLines();
  }

  readonly #verbs: Readonly<Record<string, (words: string[]) => void>> = {
    /** cluster n1 n2 n3 [~learner] [?outsider] [setting=number|true|false] */
    cluster: (words) => this.#cluster(words),
    tick: ([id = "", count = "1"]) => {
      for (let left = Number(count); left > 0; left -= 1) this.#stage.act(id, (raft) => raft.tick());
    },
    /** pause NODE: its process stood still, and nobody ticked */
    pause: ([id = ""]) => this.#stage.act(id, (raft) => raft.paused()),
    campaign: ([id = ""]) => this.#stage.act(id, (raft) => raft.campaign()),
    /** propose NODE text… */
    propose: ([id = "", ...texts]) => this.#stage.act(id, (raft) => this.#say(raft.propose(texts.map(bytesOf)))),
    /** change NODE +voter ~learner -gone [joint|jointExplicit] */
    change: ([id = "", ...words]) => this.#change(id, words),
    leaveJoint: ([id = ""]) => this.#stage.act(id, (raft) => this.#say(raft.changeMembership({ kind: "leaveJoint" }))),
    read: ([id = "", request = ""]) => this.#stage.act(id, (raft) => raft.readIndex(Number(request))),
    transfer: ([id = "", to = ""]) => this.#stage.act(id, (raft) => this.#say(raft.transferLeadership(nodeId(to)))),
    hint: ([id = ""]) => this.#stage.act(id, (raft) => raft.hintLeaderUnreachable()),
    unreachable: ([id = "", peer = ""]) => this.#stage.act(id, (raft) => raft.reportUnreachable(nodeId(peer))),
    report: ([id = "", peer = "", outcome]) =>
      this.#stage.act(id, (raft) => raft.reportSnapshot(nodeId(peer), outcome === "finished" ? "finished" : "failed")),
    compact: ([id = ""]) => this.#stage.compact(id),
    sendSnapshot: ([from = "", to = ""]) => this.#stage.sendSnapshot(from, to),
    /** restart NODE [emptied|damagedFrom INDEX] */
    restart: ([id = "", how, from]) => {
      this.#stage.restart(id, how === "damagedFrom" ? { from: Number(from) } : how === "emptied" ? how : undefined);
    },
    slow: ([id = ""]) => void (this.#stage.actor(id).slow = true),
    /** sync NODE [COUNT] */
    sync: ([id = "", count]) => this.#stage.sync(id, count === undefined ? undefined : Number(count)),
    cut: ([from = "", to = ""]) => this.#stage.cut(from, to),
    isolate: ([id = "", ...others]) => {
      for (const other of others) {
        this.#stage.cut(id, other);
        this.#stage.cut(other, id);
      }
    },
    heal: () => this.#stage.heal(),
    deliver: ([from = "", to = "", kind = ""]) => this.#stage.deliver(from, to, kind),
    lose: () => this.#stage.lose(),
    run: () => this.#stage.run(),
    /** quietly COMMAND…: does it and says nothing, where only what follows matters */
    quietly: (words) => void this.play(words.join(" ")),
    status: ([id = ""]) => this.#stage.status(id),
  };

  #say(result: object): void {
    const { kind, ...rest } = { kind: "", ...result };
    const details = Object.entries(rest).filter(([, value]) => value !== undefined);
    this.#stage.say([kind, ...details.map(([key, value]) => `${key} ${String(value)}`)].join(", "));
  }

  #cluster(words: string[]): void {
    const settings = words.filter((word) => word.includes("="));
    const names = words.filter((word) => !word.includes("="));
    const marked = (mark: string): NodeId[] =>
      names.filter((name) => name.startsWith(mark)).map((name) => nodeId(name.slice(mark.length)));
    const voters = names.filter((name) => /^[a-z]/.test(name)).map(nodeId);
    const membership = membershipOf(voters, marked("~"));
    this.#stage = new Stage({ ...TRACE_CONFIG, ...Object.fromEntries(settings.map(settingOf)) });
    for (const id of [...voters, ...marked("~")]) this.#stage.add(id, membership);
    for (const id of marked("?")) this.#stage.add(id, NO_MEMBERSHIP);
  }

  #change(id: string, words: string[]): void {
    const kinds = { "+": "addVoter", "~": "addLearner", "-": "remove" } as const;
    const steps: MemberStep[] = [];
    let transition: "auto" | "joint" | "jointExplicit" = "auto";
    for (const word of words) {
      const mark = word[0];
      if (mark === "+" || mark === "~" || mark === "-") steps.push({ kind: kinds[mark], node: nodeId(word.slice(1)) });
      else transition = word === "joint" ? "joint" : "jointExplicit";
    }
    this.#stage.act(id, (raft) => this.#say(raft.changeMembership({ kind: "change", steps, transition })));
  }
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

function settingOf(word: string): [string, number | boolean] {
  const [name = "", value = ""] = word.split("=");
  return [name, value === "true" || value === "false" ? value === "true" : Number(value)];
}
