import { ClusterError, type Millis } from "@murmur/base";
import { configId, secretId, type ConfigId, type ContainerSpec, type SecretId } from "@murmur/model";
import { chance, logBetween, oneOf } from "../faults/fault.ts";
import { randomFor, type World } from "../world/world.ts";
import { deskOf, type Desk } from "./desk.ts";

/** So many there are at once, of each kind. */
const PAYLOADS_MAX = 4;

interface Known<Id> {
  readonly id: Id;
  readonly name: string;
}

/** What a secret or a config of the workload holds: by its name, so that checks know it. */
export const contentsOf = (name: string): string => `what ${name} holds`;

/** Secrets and configs that come and go while services use them. */
export class Payloads {
  readonly #world: World;
  readonly #random: ReturnType<typeof randomFor>;
  #secrets: readonly Known<SecretId>[] = [];
  #configs: readonly Known<ConfigId>[] = [];
  #made = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = randomFor(world.seed, "payloads");
  }

  /** What a service uses; it may name some that are gone by now. */
  draw(): Pick<ContainerSpec, "secrets" | "configs"> {
    const random = this.#random;
    const secret = chance(random, 0.5) ? oneOf(this.#secrets, random) : undefined;
    const config = chance(random, 0.3) ? oneOf(this.#configs, random) : undefined;
    const file = (name: string) => ({ name, uid: 0, gid: 0, mode: 0o444 });
    return {
      ...(secret && { secrets: [{ secretId: secret.id, secretName: secret.name, file: file("secret") }] }),
      ...(config && { configs: [{ configId: config.id, configName: config.name, file: file("config") }] }),
    };
  }

  async keepGoing(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const desk = this.#anyManager();
      // Nobody waits: of a process that dies there is no answer.
      if (desk !== undefined) this.#change(desk).catch(() => {});
      await new Promise<void>(
        (resolve) => void this.#world.clock.setTimer(logBetween(this.#random, 1_000, 15_000), resolve),
      );
    }
  }

  async #change(desk: Desk): Promise<void> {
    const now: Millis = this.#world.clock.now();
    const { signal } = new AbortController();
    const isSecret = chance(this.#random, 0.6);
    const old = oneOf<Known<SecretId> | Known<ConfigId>>(isSecret ? this.#secrets : this.#configs, this.#random);
    const { length } = isSecret ? this.#secrets : this.#configs;
    if (old !== undefined && (length >= PAYLOADS_MAX || chance(this.#random, 0.4))) {
      // Refused while a service uses it.
      if (isSecret) await desk.submit({ kind: "removeSecret", id: secretId(old.id), now }, { signal });
      else await desk.submit({ kind: "removeConfig", id: configId(old.id), now }, { signal });
      this.#secrets = this.#secrets.filter(({ id }) => id !== old.id);
      this.#configs = this.#configs.filter(({ id }) => id !== old.id);
      return;
    }
    this.#made += 1;
    const id = this.#world.newId();
    const name = `payload${String(this.#made)}`;
    const bytes = new TextEncoder().encode(contentsOf(name));
    const spec = { name, labels: {} };
    if (isSecret) {
      const sealed = await desk.seal(bytes, secretId(id));
      if (Buffer.from(sealed, "base64").includes(contentsOf(name))) {
        throw new ClusterError("internal", "a secret is sealed before it goes anywhere");
      }
      await desk.submit({ kind: "createSecret", id: secretId(id), spec, sealed, now }, { signal });
      this.#secrets = [...this.#secrets, { id: secretId(id), name }];
    } else {
      const data = Buffer.from(bytes).toString("base64");
      await desk.submit({ kind: "createConfig", id: configId(id), spec, data, now }, { signal });
      this.#configs = [...this.#configs, { id: configId(id), name }];
    }
  }

  #anyManager(): Desk | undefined {
    const managers = this.#world.hosts.filter(({ manager }) => manager !== undefined);
    const host = oneOf(managers, this.#random);
    const cluster = host?.member?.cluster();
    return host?.life === undefined || cluster === undefined ? undefined : deskOf(cluster, host.life.process);
  }
}
