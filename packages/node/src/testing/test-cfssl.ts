import type { Millis } from "@murmur/base";
import { createCa, signSubject, type Ca } from "@murmur/identity";
import type { Cluster, ExternalCa, NextRoot } from "@murmur/model";
import { z } from "zod";
import type { AuthoritySigner } from "../authority-signer.ts";
import type { CallExternalCa, ExternalCaAnswer } from "../external-ca.ts";
import { nextRoot } from "../next-root.ts";

const signRequest = z.object({
  hosts: z.array(z.string()).length(1),
  certificate_request: z.string(),
  subject: z.object({ CN: z.string(), names: z.array(z.object({ O: z.string() })).length(1) }),
});

/** An authority outside of all clusters that signs whatever it is asked to, as CFSSL does by default. */
export class TestCfssl {
  readonly ca: Ca;
  readonly url: string;
  now: () => Millis;
  /** Why it signs nothing. */
  refuses: string | undefined;
  /** It can't be reached. */
  down = false;
  /** The names that it was asked for. */
  readonly asked: string[] = [];

  private constructor(ca: Ca, url: string, now: Millis) {
    this.ca = ca;
    this.url = url;
    this.now = () => now;
  }

  static async start(now: Millis, url = "https://ca.test/api/v1/cfssl/sign"): Promise<TestCfssl> {
    return new TestCfssl(await createCa({ clusterId: "outside", now }), url, now);
  }

  get externalCa(): ExternalCa & { readonly caPem: string } {
    return { protocol: "cfssl", url: this.url, caPem: this.ca.certificatePem };
  }

  /** What a cluster is told that goes over to this one. */
  nextRoot(cluster: Cluster, signer: Pick<AuthoritySigner, "statementKey">): Promise<NextRoot> {
    const { signal } = new AbortController();
    const spec = { externalCas: [this.externalCa] };
    const given = { certificatePem: this.ca.certificatePem };
    return nextRoot(cluster, { given, now: this.now(), outside: { signer, spec, signal } });
  }

  readonly call: CallExternalCa = ({ url, body }) => {
    if (this.down || url !== this.url) return Promise.reject(new Error("connect ECONNREFUSED"));
    return this.answer(body);
  };

  async answer(body: string): Promise<ExternalCaAnswer> {
    const { hosts, certificate_request: csrPem, subject } = signRequest.parse(JSON.parse(body));
    this.asked.push(subject.CN);
    if (this.refuses !== undefined)
      return answerOf({ success: false, errors: [{ code: 5_100, message: this.refuses }] });
    const certificate = await signSubject({
      ca: this.ca,
      csrPem,
      organization: subject.names[0]?.O ?? "",
      name: subject.CN,
      host: hosts[0] ?? "",
      now: this.now(),
    });
    return answerOf({ success: true, result: { certificate }, errors: [], messages: [] });
  }
}

const answerOf = (answer: object): ExternalCaAnswer => ({ status: 200, body: JSON.stringify(answer) });
