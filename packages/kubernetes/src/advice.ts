/** What to do about a field that nothing here honours, by its name. */
const ADVICE: Readonly<Record<string, string>> = {
  affinity: "use nodeSelector, or deploy from a Compose file with placement",
  clusterIPs: "the cluster gives out the addresses itself: leave it out",
  downwardAPI: "use env with valueFrom.fieldRef",
  ephemeralContainers: "use murmur exec",
  externalIPs: "every node answers at published ports: leave it out",
  externalTrafficPolicy: "every node passes on to all tasks, and they see the client's address: leave it out",
  grpc: "write it as exec, with a command of the image",
  hostNetwork: "give the container's ports a hostPort in its place",
  imagePullSecrets: "log in with docker login, and deploy with --with-registry-auth",
  initContainers:
    "a task is one container: do it in the container's command, or deploy from a Compose file with depends_on",
  internalTrafficPolicy: "all tasks get connections, wherever they run: leave it out",
  lifecycle: "do it in the container's command, which gets a signal when it has to stop",
  loadBalancerIP: "every node answers at published ports: leave it out",
  persistentVolumeClaim: "volumes are made on each node: use hostPath, or deploy from a Compose file with volumes",
  projected: "mount each ConfigMap and Secret by itself",
  restartPolicy: "tasks of a Deployment are always started again: leave it out",
  serviceAccountName: "there are no accounts of tasks here: leave it out",
  sessionAffinity: "connections go to all tasks in turn: leave it out",
  subPathExpr: "use subPath",
  tolerations: "nodes have no taints: leave it out",
  topologySpreadConstraints: "deploy from a Compose file with placement.preferences",
  volumeDevices: "deploy from a Compose file with devices",
};

export function adviceFor(path: string): string {
  const name = /([^.[\]]+)(?:\[\d+\])?$/.exec(path)?.[1] ?? "";
  return (Object.hasOwn(ADVICE, name) ? ADVICE[name] : undefined) ?? "nothing in a cluster honours it: leave it out";
}
