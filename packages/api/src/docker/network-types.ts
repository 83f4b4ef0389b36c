import type { Version } from "./object-types.ts";

export interface SwarmIpamConfig {
  Subnet: string;
  Range?: string;
  Gateway?: string;
  /** Docker keeps no such addresses in a swarm's network. */
  Murmur?: { AuxiliaryAddresses: Record<string, string> };
}

interface SwarmIpam {
  Driver: { Name?: string; Options?: Record<string, string> };
  Configs?: SwarmIpamConfig[];
}

/** A network of the cluster as a task's attachment shows it. */
export interface Network {
  ID: string;
  Version: Version;
  CreatedAt: string;
  UpdatedAt: string;
  Spec: {
    Name: string;
    Labels: Record<string, string>;
    DriverConfiguration?: { Name: string; Options?: Record<string, string> };
    IPv6Enabled?: boolean;
    Attachable?: boolean;
    Internal?: boolean;
    Ingress?: boolean;
    ConfigFrom?: { Network: string };
    /** What was asked for. */
    IPAMOptions?: SwarmIpam;
    Scope: "swarm";
  };
  DriverState?: { Name: string; Options?: Record<string, string> };
  /** What it got; left out while networks have no addresses. */
  IPAMOptions?: SwarmIpam;
}

export interface IpamConfig {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** A service of a network, as `?verbose=true` shows it. */
export interface NetworkService {
  /** Empty where there is none. */
  VIP: string;
  Ports: string[];
  LocalLBIndex: number;
  Tasks: { Name: string; EndpointID: string; EndpointIP: string; Info: Record<string, string> }[];
}

export interface NetworkPeer {
  Name: string;
  IP: string;
}

/** What `?verbose=true` adds to a network. */
export interface NetworkUse {
  /** The nodes that have tasks of it. */
  Peers: NetworkPeer[];
  /** By name. */
  Services: Record<string, NetworkService>;
}

/** A network as `/networks` shows it. */
export interface NetworkResource extends Partial<NetworkUse> {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  EnableIPv6: boolean;
  IPAM: { Driver: string; Options: Record<string, string> | null; Config: IpamConfig[] | null };
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  Containers: Record<string, unknown> | null;
  Options: Record<string, string> | null;
  Labels: Record<string, string> | null;
}

/** What a network to be made is asked for with, as far as Murmur honours it. */
export interface NetworkCreate {
  Name: string;
  Driver: string;
  EnableIPv6?: boolean;
  IPAM?: { Driver?: string; Config: IpamConfig[]; Options?: Record<string, string> };
  Internal?: boolean;
  Attachable?: boolean;
  Ingress?: boolean;
  Scope?: string;
  ConfigOnly?: boolean;
  ConfigFrom?: { Network: string };
  Options?: Record<string, string>;
  Labels?: Record<string, string>;
}

export interface NetworkCreated {
  Id: string;
  Warning: string;
}

/** Names. */
export interface NetworksPruned {
  NetworksDeleted: string[] | null;
}
