export { allChecks, type AllChecks } from "./checks/all-checks.ts";
export { BOUNDS, leftovers } from "./checks/bounds-checks.ts";
export { unmet, type Expectation } from "./checks/liveness.ts";
export { RaftChecks } from "./checks/raft-checks.ts";
export type { ServiceExpectation } from "./checks/unmet-services.ts";
export { Judge, Violation } from "./checks/violation.ts";
export { murmurConditions } from "./election/murmur.ts";
export { measureElections, type ExperimentOptions, type ExperimentResult } from "./election/experiment.ts";
export type { Delay, ElectionConditions, Hardware, Loss } from "./election/conditions.ts";
export type { Downtimes } from "./election/downtimes.ts";
export {
  THESIS_HELD_OUT,
  THESIS_TABLE,
  THESIS_TRIALS,
  thesisConditions,
  type PublishedRow,
  type Timeouts,
} from "./election/thesis.ts";
export { runDetectionExperiment, type Detection, type DetectionExperiment } from "./gossip/detection-experiment.ts";
export {
  runDisseminationExperiment,
  type Dissemination,
  type DisseminationExperiment,
} from "./gossip/dissemination-experiment.ts";
export type { Anomaly } from "./gossip/gossip-host.ts";
export { runIntervalExperiment, type FalsePositives, type IntervalExperiment } from "./gossip/interval-experiment.ts";
export { MURMUR_VARIANTS, PAPER_VARIANTS } from "./gossip/lifeguard-variants.ts";
export { checkAcknowledged, type AcknowledgedWrite } from "./history/acknowledged.ts";
export { checkNodes, checkServices, type ApiCheckOptions, type ApiVerdict } from "./history/check-api.ts";
export { isRefusal, outcomeOfError, type ErrorOutcome, type RefusalCode } from "./history/error-outcome.ts";
export {
  HistoryRecorder,
  type Ending,
  type HistoryOptions,
  type Moment,
  type OpenOperation,
  type Operation,
} from "./history/history.ts";
export { checkLinearizable, type Failure, type LinearizabilityOptions, type Verdict } from "./history/linearizable.ts";
export type { Model, ModelEvent } from "./history/model.ts";
export { nodeModel, type NodeInput, type NodeOutput, type NodeState, type ShownNode } from "./history/node-model.ts";
export { registerModel, type RegisterInput, type RegisterOutput } from "./history/register-model.ts";
export {
  serviceModel,
  type ServiceInput,
  type ServiceOutput,
  type ServiceState,
  type ShownService,
} from "./history/service-model.ts";
export type { Writers } from "./history/version-belief.ts";
export {
  checkVersionOrder,
  ranksByVersion,
  type EvidenceOf,
  type VersionEvidence,
  type VersionProblem,
} from "./history/version-order.ts";
export {
  checkWatch,
  type LoggedChange,
  type WatchCheckOptions,
  type WatchProblem,
  type WatchRecord,
} from "./history/watch-check.ts";
export type { Host } from "./world/host.ts";
export { SimulatedPlane } from "./world/plane.ts";
export { loginOf, privateImage } from "./workload/private-image.ts";
export { workImage } from "./workload/work-image.ts";
export { World, type WorldOptions } from "./world/world.ts";
