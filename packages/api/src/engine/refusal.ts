import { ClusterError, messageOf } from "@murmur/base";
import { codeOfAnswer } from "../error-status.ts";

/** Of what an engine says when it refuses. */
const REFUSAL_LENGTH_MAX = 4_096;

/** An engine's refusal as an error, with the engine's own words. */
export async function refusalIn(status: number, body: AsyncIterable<Uint8Array>): Promise<ClusterError> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > REFUSAL_LENGTH_MAX) break;
  }
  return new ClusterError(codeOfAnswer(undefined, status), wordsIn(text) || `status ${String(status)}`);
}

function wordsIn(text: string): string {
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said === "object" && said !== null && "message" in said) return messageOf(said.message);
  } catch {
    // Then it is said as it is.
  }
  return messageOf(text.slice(0, 256));
}
