/** What has the form of the cluster's ids; other words can have it, too. */
const FORM = /\b[0-9a-z]{25}\b/g;

/** The ids that a daemon has given to objects: those that stood in a field `ID` or `Id` of one of its answers. */
export class GivenIds {
  readonly #ids = new Set<string>();

  learn(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    for (const [field, one] of Object.entries(value)) {
      if (typeof one !== "string") this.learn(one);
      else if ((field === "ID" || field === "Id") && one.replace(FORM, "") === "") this.#ids.add(one);
    }
  }

  /** Whether a value mentions what could be an id of an object that was never shown. */
  isNewIn(value: unknown): boolean {
    return [...(JSON.stringify(value) ?? "").matchAll(FORM)].some(([word]) => !this.#ids.has(word));
  }

  /** A text with `<id>` for each of them, and with other words as they are. */
  replacedIn(text: string): string {
    return text.replaceAll(FORM, (word) => (this.#ids.has(word) ? "<id>" : word));
  }
}
