/**
 * What several sources say, as it comes, until all have ended. No source is read ahead of by more than one item. One that
 * fails ends the whole.
 */
export async function* together<T>(
  sources: readonly AsyncGenerator<T, void, undefined>[],
): AsyncGenerator<T, void, undefined> {
  const read = async (source: AsyncGenerator<T, void, undefined>) => ({ source, next: await source.next() });
  const reading = new Map(sources.map((source) => [source, read(source)]));
  try {
    while (reading.size > 0) {
      const { source, next } = await Promise.race(reading.values());
      if (next.done === true) {
        reading.delete(source);
        continue;
      }
      yield next.value;
      reading.set(source, read(source));
    }
  } finally {
    // What they come from is told by whoever made them; who still reads notices then.
    for (const [source, pending] of reading) {
      pending.catch(() => {});
      void source.return().catch(() => {});
    }
  }
}
