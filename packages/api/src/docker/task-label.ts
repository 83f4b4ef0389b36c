/** On every container of a task, of this cluster or of the engine's own swarm. */
export const TASK_LABEL = "com.docker.swarm.task.id";
