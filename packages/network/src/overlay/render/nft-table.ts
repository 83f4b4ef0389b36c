/** Our own table, on the host and in each container's namespace. Nothing of ours is in any other table of nftables. */
export const TABLE = "inet murmur";

/** Marks what nobody can take, on its way to being refused ("murm"); nothing that carries it leaves the chains below. */
export const REFUSED_MARK = 0x6d_75_72_6d;

/** Refusing before a flow is confirmed leaves no entry behind that would keep it from a task that comes later. */
const REFUSED = [
  "chain refused {",
  "meta l4proto tcp reject with tcp reset",
  "reject with icmpx type port-unreachable",
  "}",
] as const;

/** The subnets of our networks, and the addresses in them that tasks have: what the first have and the second lack is gone. */
const KNOWN = [
  "set nets4 { type ipv4_addr; flags interval; }",
  "set nets6 { type ipv6_addr; flags interval; }",
  "set live4 { type ipv4_addr; }",
  "set live6 { type ipv6_addr; }",
] as const;

/**
 * The addresses in our networks that UDP was sent to of late, by which is known where flows may have to be forgotten. The
 * kernel fills them, and forgets by itself what isn't used.
 */
const MET = [
  "set udp4 { type ipv4_addr; flags dynamic,timeout; timeout 10m; size 65535; }",
  "set udp6 { type ipv6_addr; flags dynamic,timeout; timeout 10m; size 65535; }",
] as const;
/** Their names: what is in them is nobody's wish. */
export const MET_SETS: readonly string[] = ["udp4", "udp6"];

/**
 * A TCP flow to a task that is over is forgotten after a second, not after two minutes. Docker removes the entries of a
 * container that ends, by their addresses and ports: between its look and the removal a client's next flow from the same port
 * may have taken the place of the old one, and would be cut off without a word. And a busy host has a hundredth of the entries.
 */
const BRIEF = [
  "ct timeout brief4 { protocol tcp; l3proto ip; policy = { time_wait : 1, close : 1 }; }",
  "ct timeout brief6 { protocol tcp; l3proto ip6; policy = { time_wait : 1, close : 1 }; }",
] as const;

/**
 * What is done with some of what is passed on, or sent: see `PASSING`. A flow that was redirected to a task that is gone by now
 * is refused at its next packet; we remove no entries of TCP, for the reason above.
 */
const PASSED = [
  "chain met {",
  "ip daddr @nets4 update @udp4 { ip daddr }",
  "ip6 daddr @nets6 update @udp6 { ip6 daddr }",
  "}",
  "chain begun {",
  'meta l4proto tcp ip daddr @nets4 ct timeout set "brief4"',
  'meta l4proto tcp ip6 daddr @nets6 ct timeout set "brief6"',
  "}",
  "chain redirected {",
  "ip daddr @live4 return",
  "ip6 daddr @live6 return",
  "ip daddr @nets4 goto refused",
  "ip6 daddr @nets6 goto refused",
  "}",
] as const;
/**
 * The last rules of the chains that see every packet. Most are of TCP flows that were established before, and redirected by
 * nobody here: such a packet should be done with each rule at its first condition.
 */
const PASSING = [
  "meta l4proto udp jump met",
  "ct state new jump begun",
  "ct status dnat ct direction original goto redirected",
] as const;

/**
 * The host's: published ports on all addresses but the loopback's. Redirects are held back because the way through the
 * entry node is no detour: without it an answer would come from an address that was never asked.
 */
export const HOST_TABLE: readonly string[] = [
  `table ${TABLE} {`,
  "map any4 { type inet_proto . inet_service : verdict; }",
  "map any6 { type inet_proto . inet_service : verdict; }",
  "map bound4 { type ipv4_addr . inet_proto . inet_service : verdict; }",
  "map bound6 { type ipv6_addr . inet_proto . inet_service : verdict; }",
  "set self4 { type ipv4_addr . ipv4_addr; }",
  "set self6 { type ipv6_addr . ipv6_addr; }",
  ...KNOWN,
  ...MET,
  ...BRIEF,
  ...REFUSED,
  ...PASSED,
  "chain published {",
  "ip daddr 127.0.0.0/8 return",
  "ip6 daddr ::1 return",
  "ip daddr . meta l4proto . th dport vmap @bound4",
  "ip6 daddr . meta l4proto . th dport vmap @bound6",
  "meta nfproto ipv4 meta l4proto . th dport vmap @any4",
  "meta nfproto ipv6 meta l4proto . th dport vmap @any6",
  "}",
  "chain arriving {",
  "type nat hook prerouting priority -100; policy accept;",
  "fib daddr type local goto published",
  "}",
  "chain leaving {",
  "type nat hook output priority -100; policy accept;",
  "fib daddr type local goto published",
  "}",
  "chain to_itself {",
  "type nat hook postrouting priority 99; policy accept;",
  "ip saddr . ip daddr @self4 masquerade",
  "ip6 saddr . ip6 daddr @self6 masquerade",
  "}",
  "chain input {",
  "type filter hook input priority 0; policy accept;",
  `meta mark ${String(REFUSED_MARK)} goto refused`,
  "}",
  "chain output {",
  "type filter hook output priority 0; policy accept;",
  `meta mark ${String(REFUSED_MARK)} goto refused`,
  "icmp type redirect drop",
  "icmpv6 type nd-redirect drop",
  ...PASSING,
  "}",
  "chain forward {",
  "type filter hook forward priority 0; policy accept;",
  ...PASSING,
  "}",
  "}",
];

/** A container's: virtual addresses of what it sends, and the way back of what came in through a node. */
export const CONTAINER_TABLE: readonly string[] = [
  `table ${TABLE} {`,
  "map vip4 { type ipv4_addr : verdict; }",
  "map vip6 { type ipv6_addr : verdict; }",
  "map entry { type ether_addr : mark; }",
  ...KNOWN,
  ...MET,
  ...BRIEF,
  ...REFUSED,
  ...PASSED,
  "chain choose {",
  "type nat hook output priority -100; policy accept;",
  "ip daddr vmap @vip4",
  "ip6 daddr vmap @vip6",
  "}",
  "chain output {",
  "type filter hook output priority 0; policy accept;",
  `meta mark ${String(REFUSED_MARK)} goto refused`,
  ...PASSING,
  "}",
  "chain entered {",
  "type filter hook prerouting priority -150; policy accept;",
  "ct state new ct mark set ether saddr map @entry",
  "}",
  "chain answers {",
  "type route hook output priority -150; policy accept;",
  "ct mark != 0 meta mark set ct mark",
  "}",
  "}",
];
