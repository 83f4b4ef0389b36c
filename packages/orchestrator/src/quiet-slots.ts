import type { NodeId } from "@murmur/base";
import { equal, type Cluster, type Service, type ServiceId, type Task } from "@murmur/model";
import { slotOf, type Change, type View } from "@murmur/store";

type SlotKey = number | NodeId;

/** What is known of the slots of one service, as long as its record and the cluster's stay as they are. */
export interface KnownSlots {
  /** Slots that were held by a current task, and in which nothing was to be done, now or at some time. */
  readonly quiet: Set<SlotKey>;
  /** All other slots that have tasks. */
  readonly loud: Set<SlotKey>;
  /** Every number below is that of a slot in one of the two. */
  lowestFree: number;
}

interface Book extends KnownSlots {
  service: Service;
  readonly cluster: Cluster | undefined;
}

/**
 * Slots that need not be looked at again before something about them changes, so that a change in a large service costs
 * what it changes. It only remembers what a reconciler found; whoever has no memory finds the same by looking at all.
 *
 * Invariant: what a reconciler does about a quiet slot follows from the slot's tasks, their nodes, the service and the
 * cluster alone. A change of any of them makes it loud; time alone changes nothing, as nothing asked for a later look.
 */
export class QuietSlots {
  readonly #books = new Map<ServiceId, Book>();

  /** Undefined when the slots of the service as it is now have not been looked at yet. */
  of(view: View, service: Service): KnownSlots | undefined {
    const book = this.#books.get(service.id);
    if (book === undefined || book.cluster !== view.cluster() || !sameFor(book.service, service)) return undefined;
    book.service = service;
    return book;
  }

  /** All slots of a service were looked at. */
  set(view: View, service: Service, slots: Pick<KnownSlots, "quiet" | "loud">): void {
    this.#books.set(service.id, { ...slots, lowestFree: 1, service, cluster: view.cluster() });
  }

  /** Takes in a change of the store. */
  apply(view: View, change: Change): void {
    if (change.table === "tasks") {
      this.#stir(view, change.current ?? change.previous);
    } else if (change.table === "nodes") {
      for (const task of view.tasksOfNode((change.current ?? change.previous).id)) this.#stir(view, task);
    } else if (change.table === "services" && change.current === undefined) {
      this.#books.delete(change.previous.id);
    }
  }

  #stir(view: View, task: Task): void {
    const book = this.#books.get(task.serviceId);
    const key = slotOf(task);
    if (book === undefined || key === undefined) return;
    book.quiet.delete(key);
    if (view.tasksOfSlot(task.serviceId, key).length > 0) book.loud.add(key);
    else {
      book.loud.delete(key);
      if (typeof key === "number") book.lowestFree = Math.min(book.lowestFree, key);
    }
  }
}

/** Whether two records of a service are the same to a quiet slot: how many slots there should be is nothing to it. */
const sameFor = (a: Service, b: Service): boolean =>
  a === b ||
  (a.specVersion === b.specVersion &&
    a.updateStatus === b.updateStatus &&
    a.removing === b.removing &&
    a.spec.mode.kind === b.spec.mode.kind &&
    equal({ ...a.spec, mode: undefined }, { ...b.spec, mode: undefined }));
