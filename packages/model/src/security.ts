/** How a container is held in by its host, where it differs from what its engine does by itself. */
export interface Security {
  /** No program in it gets more rights than the one that started it. */
  readonly noNewPrivileges?: true;
  /** Which calls of the kernel are let through: all, or what a profile of the engine's form says (JSON). */
  readonly seccomp?: { readonly kind: "unconfined" } | { readonly kind: "custom"; readonly profile: string };
  readonly apparmor?: "disabled";
  readonly selinux?: SelinuxLabel;
}

/** Parts of a label; what is left out the engine chooses. */
export interface SelinuxLabel {
  readonly disabled?: true;
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly level?: string;
}
