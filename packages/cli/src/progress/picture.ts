import type { ClusterEvent, Service, Task } from "@murmur/api";

/** A service and its tasks, as far as the reader has been told. */
export interface Picture {
  /** Undefined: there is no such service (any more). */
  readonly service: Service | undefined;
  readonly tasks: ReadonlyMap<string, Task>;
  /** Between `snapshot` and `synced` a picture is not whole, and says nothing. */
  readonly whole: boolean;
}

export const EMPTY_PICTURE: Picture = { service: undefined, tasks: new Map(), whole: false };

/** The picture after an event of the daemon's stream. */
export function withEvent(picture: Picture, event: ClusterEvent): Picture {
  switch (event.kind) {
    case "snapshot":
      return EMPTY_PICTURE;
    case "synced":
      return { ...picture, whole: true };
    case "service":
      return { ...picture, service: event.action === "put" ? event.object : undefined };
    case "task": {
      const tasks = new Map(picture.tasks);
      if (event.action === "put") tasks.set(event.id, event.object);
      else tasks.delete(event.id);
      return { ...picture, tasks };
    }
    case "node":
    case "network":
      return picture;
  }
}

export const pictureOf = (service: Service, tasks: readonly Task[]): Picture => ({
  service,
  tasks: new Map(tasks.map((task) => [task.ID, task])),
  whole: true,
});
