/** What a name server is asked. `type` is the record type's name, upper case (`A`, `SRV`, `ANY`, `TYPE65`). */
export interface Question {
  /** Without the dot at the end, in the case in which it was asked. */
  readonly name: string;
  readonly type: string;
}

interface Owned {
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
}

/** A resource record, in plain data; the wire format is `network`'s. */
export type DnsRecord = Owned &
  (
    | { readonly type: "A" | "AAAA"; readonly data: string }
    /** A name. */
    | { readonly type: "PTR"; readonly data: string }
    | {
        readonly type: "SRV";
        readonly data: {
          readonly priority: number;
          readonly weight: number;
          readonly port: number;
          readonly target: string;
        };
      }
    | {
        readonly type: "SOA";
        readonly data: {
          readonly mname: string;
          readonly rname: string;
          readonly serial: number;
          readonly refresh: number;
          readonly retry: number;
          readonly expire: number;
          readonly minimum: number;
        };
      }
    | { readonly type: "HINFO"; readonly data: { readonly cpu: string; readonly os: string } }
  );

export type Resolution =
  /** The name is not ours: ask the servers upstream. */
  | { readonly kind: "outside" }
  | {
      readonly kind: "answer";
      /** A name that exists without a record of this type is `NOERROR` with no answers (NODATA). */
      readonly rcode: "NOERROR" | "NXDOMAIN";
      readonly answers: readonly DnsRecord[];
      readonly authorities: readonly DnsRecord[];
      readonly additionals: readonly DnsRecord[];
      /** How many turns it takes until the same answer comes again; 1: it is the same each turn. */
      readonly turns: number;
    };
