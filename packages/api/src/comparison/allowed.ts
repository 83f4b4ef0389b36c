/** A difference between the two daemons that is meant. */
export interface Allowed {
  /** Of the step: `METHOD PATH BODY`. */
  readonly asked: RegExp;
  /** Of the field: `status`, `headers.NAME`, `body.Spec.Name`. When the status may differ, so may all of the body. */
  readonly path: RegExp;
  /** Of what Docker says there; left out: whatever it says. */
  readonly docker?: RegExp;
  readonly why: string;
}

const ANY = /^/;

/** Every entry must be needed: one that no step meets any more fails the comparison. */
export const ALLOWED: readonly Allowed[] = [
  // What Murmur has beyond Docker.
  { asked: ANY, path: /(?:^|\.)Murmur$/, why: "What Docker has no words for is in an object of this name." },
  {
    asked: /^GET \/version/,
    path: /^body\.(?:Platform\.Name|Components\.length|ApiVersion|MinAPIVersion)$/,
    why: "Murmur names itself, and speaks the versions that it speaks.",
  },

  // Of this machine's two hosts, not of the daemons.
  {
    asked: /^GET \/info/,
    path: /^body\.(?:Containers\w*|NFd|NGoroutines|NEventsListener|DockerRootDir|SystemTime|Images|ID|Name)$/,
    why: "These count what the two engines have, and name them.",
  },
  { asked: /^GET \/system\/df/, path: /^body\./, why: "Answered by each engine of what it has itself." },
  { asked: ANY, path: /CertIssuer(?:Subject|PublicKey)$/, why: "Each cluster has a CA of its own." },
  {
    asked: /^GET \/(?:swarm|info)/,
    path: /DefaultAddrPool$/,
    why: "Docker shows no pool that nobody chose; here networks have one that can be seen.",
  },

  // Specs.
  {
    asked: /GET \/tasks/,
    path: /(?:RestartPolicy|Resources|Placement)$|(?:RestartPolicy\.(?:Delay|Window)|Resources\.(?:Limits|Reservations))$/,
    why: "A task says all that it was made from, whether its service names it or not.",
  },
  {
    asked: /services|tasks/,
    path: /(?:LogDriver\.Options|Healthcheck|Privileges|DNSConfig)$/,
    why: "An empty object and none mean the same, and are stored as one.",
  },
  {
    asked: ANY,
    path: /Endpoint\.(?:Spec\.Mode|VirtualIPs)$/,
    why: "A service that names no network is in the cluster's default one, and has its address there.",
  },
  {
    asked: /tasks/,
    path: /NetworksAttachments$/,
    why: "A service that names no network is in the cluster's default one.",
  },
  {
    asked: ANY,
    path: /JobIteration\.Index$/,
    why: "Iterations are numbered by the version that began them; Docker's first is 0, and left out.",
  },
  {
    asked: /published/,
    path: /PortStatus\.Ports\.length$/,
    why: "Docker lists a port once for IPv4 and once for IPv6, without saying which is which.",
  },
  {
    asked: /GET \/services\/web /,
    path: /^body\.UpdateStatus$/,
    why: "An update that had no task to replace is told of as complete, too.",
  },
  {
    asked: /POST \/services\/create/,
    path: /^body\.Warnings$/,
    why: "Docker writes null since API 1.44; before it left the field out.",
  },
  { asked: /POST \/services\/create .*"a\.b_c-d"/, path: /^status$/, why: "Names may have dots here." },

  // What Murmur refuses because it would not come true.
  {
    asked: /services\/.*privileges/,
    path: /Privileges(?:\.NoNewPrivileges)?$/,
    why: "Docker shows no_new_privs since API 1.44, and never before.",
  },
  {
    asked: /"Isolation":"hyperv"/,
    path: /^status$/,
    why: "Only Windows has isolation modes; Docker finds that out on the node.",
  },
  {
    asked: /"relative"|"Target":""|"Type":"tmpfs","Source":"v"/,
    path: /^status$/,
    why: "A mount that no engine can make; Docker's tasks are rejected one after the other.",
  },
  { asked: /node\.nope == 1/, path: /^status$/, why: "A constraint on what no node has would never be met." },
  {
    asked: /"RollbackConfig":\{"FailureAction":"rollback"\}/,
    path: /^status$/,
    why: "A rollback can't be rolled back.",
  },
  {
    asked:
      /"Ports":\[\{(?:"PublishedPort":18090|"TargetPort":80,"PublishedPort":70000|"TargetPort":80,"Protocol":"nope")\}\]/,
    path: /^status$/,
    why: "Ports that there are not; Docker makes the service, and its tasks never start.",
  },
  { asked: /"Target":"none"/, path: /^status$/, why: "Services can be in network none, too." },
  {
    asked: /"Target":"host"\},\{"Target"|"Target":"host".*"PublishedPort":18093/,
    path: /^status$/,
    why: "Docker's tasks of such a service are rejected, one after the other.",
  },
  { asked: /text\/plain/, path: /^status$/, why: "Docker refuses other types of content since version 23." },
  {
    asked: /POST \/services\/web\/update.*"UpdateConfig":\{"Parallelism":1\}/,
    path: /^status$/,
    why: "A login that can't be read would fail later, on every node.",
  },
  {
    asked: /"Templating":\{"Name":"nope"\}/,
    path: /^status$/,
    why: "A template driver that nobody has: Docker's tasks are rejected.",
  },
  {
    asked: /"ElectionTick":1,|"HeartbeatTick":20|TaskHistoryRetentionLimit":-1/,
    path: /^status$/,
    why: "Settings that contradict themselves; Docker keeps them and never looks at them again.",
  },
  { asked: /POST \/swarm\/update.*"Name":"other"/, path: /^status$/, why: "Clusters have names here." },
  {
    asked: /GET \/swarm $/,
    path: /^body\.Spec\.(?:Orchestration|Raft|Dispatcher|CAConfig)\./,
    why: "An update that leaves numbers out keeps them; with Docker a manager is then told to keep no history and to hold no election.",
  },
  {
    asked: /GET \/events\?filters=%7B%22nope/,
    path: /^status$/,
    why: "A filter that nothing knows would hide nothing.",
  },

  // Networks.
  { asked: /10\.234\.0\.254/, path: /^status$/, why: "The last 64 addresses of a subnet are the nodes'." },
  {
    asked: /GET \/networks\/\{?auxiliary/,
    path: /AuxiliaryAddresses/,
    why: "Docker forgets the addresses that a swarm's network is to keep from its tasks.",
  },
  {
    asked: /"com\.docker\.network\.driver\.mtu":"nope"/,
    path: /^status$/,
    why: "No number: Docker's overlay driver passes over it.",
  },
  {
    asked: /GET \/networks\/(?:ingress|again) /,
    path: /^body\.(?:Peers|Containers|Options|IPAM|Labels$)/,
    why: "Every node answers on published ports without a network for it: nobody is in it, and the first one has no addresses.",
  },
  {
    asked: /"ConfigOnly"|"overlay".*"ConfigFrom"/,
    path: /^status$/,
    why: "Settings of one node have no place in a network of the cluster; refused by both.",
  },
  {
    asked: /GET \/networks\?filters=.*(?:one|wo)%22/,
    path: /^body\.length$/,
    why: "A filter by name finds parts of names, as it does for the engine's networks; Docker's swarm ones only by the whole name.",
  },
  {
    asked: /GET \/networks\?filters=.*dangling.*(?:false|seen)/,
    path: /^body\.length$/,
    why: "A network that a service is in is used, whether a task of it runs here or not.",
  },
  {
    asked: /GET \/networks\/seen\?verbose/,
    path: /^body\.(?:Labels|Containers.*|Peers\[\]\.Name|Services\.shown\.(?:LocalLBIndex|Tasks\[\]\.EndpointID))$/,
    why: "A node's own balancer, its number, and the names that its engine has for nodes and endpoints; here nodes have their host names.",
  },
  {
    asked: /POST \/networks\/one\/connect/,
    path: /^status$/,
    why: "That the network takes no containers is said first.",
  },

  {
    asked: /"Scope":"swarm","Driver":"(?:host|nope)"/,
    path: /^status$/,
    why: "Every node has its network host already, and no engine has a driver nope: Docker finds out with the first task, or says 404.",
  },
  {
    asked: /"Scope":"local"/,
    path: /^status$/,
    why: "A network of the swarm that is no overlay: refused by both, by Docker for its overlay driver's scope.",
  },
  {
    asked: /GET \/swarm /,
    path: /TaskDefaults\.LogDriver$/,
    why: "Docker keeps the tasks' log driver and never shows it.",
  },

  // Statuses of 20.10 that later versions corrected, and words of Go's.
  {
    asked:
      /filters=(?:nonsense|%7B%22(?:role|membership|desired-state)%22%3A%5B%22nope)|"Constraints":\["nonsense"\]|(?:rollback|registryAuthFrom)=nope|\/events\?since=|POST \/networks\/create .*(?:"Driver":"overlay"\}|"Subnet":"nope")|GET \/(?:tasks|services)\/.*\/logs/,
    path: /^status$/,
    why: "Docker answers a client's mistake with a 500 here.",
  },
  {
    asked: /"Networks":\[\{"Target":"nope"\}\]/,
    path: /^status$/,
    why: "Docker answers a client's mistake with a 500 here; what isn't there is a 404 everywhere else.",
  },
  {
    asked: ANY,
    path: /^body\.message$/,
    docker: /^json: |EOF|^invalid character |^illegal base64 data|strconv\.|^mismatched Runtime and \*Spec fields$/,
    why: "Docker's words are those of Go's readers of JSON and numbers, or name no field; here they name the field.",
  },
  {
    asked: /^POST \/networks\/create/,
    path: /^body\.message$/,
    docker: /^ipam configuration: /,
    why: "Here it says which of the subnets, and what is kept of each for the nodes.",
  },
  {
    asked: ANY,
    path: /^body\.message$/,
    docker: /is in use by service|does not have a previous spec|is already in use by service/,
    why: "Services and networks are called by their names, where Docker has ids.",
  },
  {
    asked: /^GET \/networks\?filters=.*dangling/,
    path: /^body\.message$/,
    docker: /dangling/,
    why: "As Docker has called a filter that isn't valid since version 23.",
  },
  {
    asked: /^POST \/(?:nodes|swarm)\/.*update/,
    path: /^body\.message$/,
    docker: /^invalid (?:Role|Availability|protocol): /,
    why: "Here it says what it may be, and of all fields that are wrong.",
  },
  {
    asked: /^DELETE \/nodes\//,
    path: /^body\.message$/,
    docker: /^node \S+ is a cluster manager/,
    why: "Managers choose themselves here: it says how many there would be left.",
  },
  {
    asked: /^POST \/swarm\/leave/,
    path: /^body\.message$/,
    docker: /^You are attempting to leave the swarm/,
    why: "A node may leave without a word here, unless it is the last one.",
  },
  {
    asked: /^GET \/services $/,
    path: /^headers\.content-type$/,
    why: "A version that isn't spoken is refused as JSON, as every other request; by Docker as text.",
  },
  { asked: /^HEAD /, path: /^status$/, why: "A HEAD says what a GET would." },
  {
    asked: ANY,
    path: /^headers\.(?:docker-experimental|ostype)$/,
    why: "These are on every answer here; Docker leaves them out of some refusals.",
  },
  {
    asked: /\/_ping/,
    path: /^headers\.(?:swarm|builder-version)$/,
    why: "Docker says these since versions 20.10.16 and 23.",
  },
  {
    asked: /\/logs/,
    path: /^headers\.content-type$/,
    why: "Docker says which kind of stream a log is since API 1.42.",
  },
  {
    asked: /GET \/services\?filters=.*(?:tier%3Dfront%22%2C)/,
    path: /^body\.length$/,
    why: "All the labels that are asked for must be there, as documented; of two values of one Docker takes the last.",
  },
];
