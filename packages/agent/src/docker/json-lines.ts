import { ClusterError } from "@murmur/base";

/** A line longer than this is not from an engine. */
const LINE_CHARACTERS_MAX = 1 << 20;

/**
 * The JSON objects of a stream that has one a line, as the engine's events and the progress of a pull. Ends with the
 * stream; throws `corrupt` for what isn't JSON. What hasn't been asked for stays in the stream's own bounded buffer.
 */
export async function* jsonLines(stream: NodeJS.ReadableStream): AsyncGenerator {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_CHARACTERS_MAX) throw new ClusterError("corrupt", "the engine sent a line without an end");
    for (const line of lines) if (line.trim() !== "") yield parse(line);
  }
  if (rest.trim() !== "") yield parse(rest);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new ClusterError("corrupt", `the engine sent what is not JSON: ${line.slice(0, 80)}`, { cause: error });
  }
}
