/** `nginx:1.27@sha256:…` → `nginx:1.27`: the digest says nothing to people. */
export const withoutDigest = (image: string): string => image.replace(/@sha256:[0-9a-f]+$/, "");
