import { unreachable } from "@murmur/base";
import type { Command } from "@murmur/model";
import * as cluster from "./decide-cluster.ts";
import * as gossipKey from "./decide-gossip-key.ts";
import * as sealKey from "./decide-seal-key.ts";
import * as network from "./decide-network.ts";
import * as node from "./decide-node.ts";
import * as payload from "./decide-payload.ts";
import * as service from "./decide-service.ts";
import * as task from "./decide-task.ts";
import type { Context, Decision } from "./decision.ts";

/** What a command of the right form does to the state. Changes nothing itself. */
export function decide(context: Context, command: Command): Decision {
  const refusal = sealKey.sealedTooLate(context.state, command);
  if (refusal !== undefined) return refusal;
  switch (command.kind) {
    case "createCluster":
      return cluster.createCluster(context, command);
    case "updateCluster":
      return cluster.updateCluster(context, command);
    case "rotateJoinSecret":
      return cluster.rotateJoinSecret(context, command);
    case "advanceRotation":
      return cluster.advanceRotation(context, command);
    case "rotateGossipKey":
      return gossipKey.rotateGossipKey(context, command);
    case "advanceGossipKey":
      return gossipKey.advanceGossipKey(context, command);
    case "rotateSealKey":
      return sealKey.rotateSealKey(context, command);
    case "advanceSealKey":
      return sealKey.advanceSealKey(context, command);
    case "replaceSealKey":
      return sealKey.replaceSealKey(context, command);
    case "reseal":
      return sealKey.reseal(context, command);
    case "createNetwork":
      return network.createNetwork(context, command);
    case "removeNetwork":
      return network.removeNetwork(context, command);
    case "createSecret":
      return payload.createSecret(context, command);
    case "updateSecret":
      return payload.updateSecret(context, command);
    case "removeSecret":
      return payload.removeSecret(context, command);
    case "createConfig":
      return payload.createConfig(context, command);
    case "updateConfig":
      return payload.updateConfig(context, command);
    case "removeConfig":
      return payload.removeConfig(context, command);
    case "createNode":
      return node.createNode(context, command);
    case "describeNode":
      return node.describeNode(context, command);
    case "setNodeState":
      return node.setNodeState(context, command);
    case "setRaftRoles":
      return node.setRaftRoles(context, command);
    case "updateNode":
      return node.updateNode(context, command);
    case "removeNode":
      return node.removeNode(context, command);
    case "orphanTasks":
      return node.orphanTasks(context, command);
    case "createService":
      return service.createService(context, command);
    case "updateService":
      return service.updateService(context, command);
    case "rollbackService":
      return service.rollbackService(context, command);
    case "removeService":
      return service.removeService(context, command);
    case "finishRemoveService":
      return service.finishRemoveService(context, command);
    case "setUpdateStatus":
      return service.setUpdateStatus(context, command);
    case "recordRestart":
      return service.recordRestart(context, command);
    case "moveTasks":
      return task.moveTasks(context, command);
    case "createTask":
      return task.createTask(context, command);
    case "assignTask":
      return task.assignTask(context, command);
    case "explainTask":
      return task.explainTask(context, command);
    case "setDesiredState":
      return task.setDesiredState(context, command);
    case "removeTask":
      return task.removeTask(context, command);
    case "reportTasks":
      return task.reportTasks(context, command);
    default:
      return unreachable(command);
  }
}
