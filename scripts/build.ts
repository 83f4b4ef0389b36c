/** Bundles everything into dist/murmur.js, which needs nothing but Node.js. Usage: node scripts/build.ts */
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const dist = join(root, "dist");

/**
 * dockerode can reach an engine over SSH, by a library with native parts, which Murmur doesn't offer. Whoever tries is
 * told.
 */
const withoutSsh: Plugin = {
  name: "without-ssh",
  setup(context) {
    context.onResolve({ filter: /^ssh2$/ }, ({ path }) => ({ path, namespace: "without-ssh" }));
    context.onLoad({ filter: /.*/, namespace: "without-ssh" }, () => ({
      contents: 'exports.Client = class { constructor() { throw new Error("ssh:// engines are not supported"); } };',
      loader: "js",
    }));
  },
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
/*
 * CommonJS, although the source is ESM: in an ESM bundle all of Node's modules that any part uses are loaded at the
 * start; here a part that is imported lazily loads its own when it is needed. `murmur version` takes half the time.
 */
writeFileSync(join(dist, "package.json"), `${JSON.stringify({ type: "commonjs" })}\n`);
await build({
  entryPoints: [join(root, "packages/main/src/main.ts")],
  outfile: join(dist, "murmur.js"),
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  // Compiled speed-ups that their users do without when they are missing.
  external: ["bufferutil", "utf-8-validate", "msgpackr-extract"],
  plugins: [withoutSsh],
  logLevel: "warning",
});
console.log(`dist/murmur.js: ${(statSync(join(dist, "murmur.js")).size / 1024 / 1024).toFixed(2)} MiB`);
