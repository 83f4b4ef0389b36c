/** A place in a template, counted in UTF-16 units from its start. */
export type Place = number;

/** What an action computes. A pipe is written out: `a | f b` is the call of `f` with `b` and `a`. */
export type Expression =
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  /** `of`: the dot, or a variable with its `$` (`$` alone is what the template began with). */
  | { readonly kind: "field"; readonly of: string; readonly path: readonly string[]; readonly at: Place }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[]; readonly at: Place };

/** `$a, $b := expression`, `$a = expression`, or the expression alone. */
export interface Pipeline {
  readonly variables: readonly string[];
  readonly isDeclaration: boolean;
  readonly expression: Expression;
  readonly at: Place;
}

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipeline: Pipeline;
      readonly body: readonly TemplateNode[];
      /** Empty where there is none; `else if` is an `if` alone in it. */
      readonly otherwise: readonly TemplateNode[];
    };

/** A template is wrong: where, and why in one line. Never says what a fact or a secret holds. */
export class TemplateError extends Error {
  readonly at: Place;

  constructor(at: Place, message: string) {
    super(message);
    this.at = at;
  }
}
