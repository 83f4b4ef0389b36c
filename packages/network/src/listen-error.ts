import { messageOf } from "@murmur/base";

/** Why a port can't be opened, in one line. */
export function listenError(protocol: string, port: number, error: unknown): string {
  const name = `port ${String(port)}/${protocol}`;
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return `${name} is in use by another program`;
    case "EACCES":
      return `${name} may not be opened by this user`;
    case "EADDRNOTAVAIL":
      return `${name}: the address to publish on is not one of this machine`;
    default:
      return `${name} can't be opened: ${messageOf(error)}`;
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
