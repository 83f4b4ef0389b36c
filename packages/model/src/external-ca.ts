/** An authority outside the cluster that signs its nodes' certificates. */
export interface ExternalCa {
  readonly protocol: "cfssl";
  /** `https://…`, of the endpoint that signs. */
  readonly url: string;
  /** Kept and shown: CFSSL has none. */
  readonly options?: Readonly<Record<string, string>>;
  /** The root that it signs with; left out: the cluster's present one. */
  readonly caPem?: string;
}

/** One for each manager, and more: each may be asked for as long as a node waits. */
export const EXTERNAL_CAS_MAX = 8;

/** The external CAs that sign with a root. `present` is the cluster's own, for those that name none. */
export const externalCasOf = (
  externalCas: readonly ExternalCa[] | undefined,
  { root, present }: { readonly root: string; readonly present: string },
): readonly ExternalCa[] => (externalCas ?? []).filter(({ caPem = present }) => isSamePem(caPem, root));

/** Whether they are the same, in the same order: they are asked in that. */
export function isSameExternalCas(
  left: readonly ExternalCa[] | undefined = [],
  right: readonly ExternalCa[] | undefined = [],
): boolean {
  if (left.length !== right.length) return false;
  return left.every((ca, at) => {
    const other = right[at];
    return other !== undefined && isSameExternalCa(ca, other);
  });
}

function isSameExternalCa(left: ExternalCa, right: ExternalCa): boolean {
  if (left.protocol !== right.protocol || left.url !== right.url) return false;
  if (!isSamePem(left.caPem ?? "", right.caPem ?? "")) return false;
  const [some, others] = [Object.entries(left.options ?? {}), new Map(Object.entries(right.options ?? {}))];
  return some.length === others.size && some.every(([name, value]) => others.get(name) === value);
}

/** Whether two texts hold the same bytes in PEM, however their lines are broken. */
export const isSamePem = (left: string, right: string): boolean => withoutSpace(left) === withoutSpace(right);

const withoutSpace = (pem: string): string => pem.replaceAll(/\s+/g, "");
