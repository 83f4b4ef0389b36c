import { codeOf } from "@murmur/base";

/** Someone else changing the same object this often in a row is no accident. */
const ATTEMPTS_MAX = 8;

/**
 * Reads an object, changes it and writes it back; begins anew when somebody changed it in between. Right for changes
 * that are relative to what there is, such as the flags of an update. Errors: what `attempt` throws.
 */
export async function changeWithRetry<T>(attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (codeOf(error) !== "out_of_date" || attempts >= ATTEMPTS_MAX) throw error;
    }
  }
}
