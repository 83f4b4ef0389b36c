export const IMAGE = "murmur/web:latest";
/** Waits for a node that isn't there, so that its tasks don't change while they are compared. */
export const NOWHERE = { Constraints: ["node.labels.nowhere==true"] };
/** Tasks with more in their container, or beside it. */
export const task = (container: object = {}, more: object = {}) => ({
  ContainerSpec: { Image: IMAGE, ...container },
  Placement: NOWHERE,
  ...more,
});
/** A service of such tasks. */
export const spec = (Name: string, more: object = {}) => ({ Name, TaskTemplate: task(), ...more });
