import type { Model } from "./model.ts";

/** Operations of named registers, each of them 0 at first; `read_all` reads all of them at once. */
export type RegisterInput =
  | { readonly kind: "read"; readonly register: string }
  | { readonly kind: "write"; readonly register: string; readonly value: number }
  | { readonly kind: "swap"; readonly register: string; readonly from: number; readonly to: number }
  | { readonly kind: "read_all" };
export type RegisterOutput =
  | { readonly kind: "value"; readonly value: number }
  | { readonly kind: "done" }
  | { readonly kind: "differs" }
  | { readonly kind: "values"; readonly values: Readonly<Record<string, number>> };

/** Registers that are read, written, and compared and swapped: the smallest model with all that the checker has to do. */
export const registerModel: Model<number, RegisterInput, RegisterOutput> = {
  initial: 0,
  objectOf: (input) => (input.kind === "read_all" ? undefined : input.register),
  objectsShown: (output) => (output.kind === "values" ? Object.keys(output.values) : []),
  step(state, { object, input, output }) {
    switch (input.kind) {
      case "read":
        return output === undefined || (output.kind === "value" && output.value === state) ? state : undefined;
      case "read_all":
        return output === undefined || (output.kind === "values" && (output.values[object] ?? 0) === state)
          ? state
          : undefined;
      case "write":
        return output === undefined || output.kind === "done" ? input.value : undefined;
      case "swap":
        if (state === input.from) return output === undefined || output.kind === "done" ? input.to : undefined;
        return output?.kind === "differs" ? state : undefined;
    }
  },
  isReadOnly: (input, output) => input.kind === "read" || input.kind === "read_all" || output?.kind === "differs",
  keyOf: String,
  describeState: String,
  describe: (input, output) => {
    const answer = output === undefined ? "?" : JSON.stringify(Object.values(output).at(-1));
    switch (input.kind) {
      case "read":
        return `read ${input.register}: ${answer}`;
      case "read_all":
        return `read all: ${answer}`;
      case "write":
        return `write ${input.register} = ${String(input.value)}: ${answer}`;
      case "swap":
        return `swap ${input.register} ${String(input.from)} → ${String(input.to)}: ${answer}`;
    }
  },
};
