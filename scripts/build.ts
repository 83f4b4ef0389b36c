/** Bundles everything into dist/murmur.js, which needs nothing but Node.js. Usage: node scripts/build.ts */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const dist = join(root, "dist");

/**
 * What libraries bring along and nothing here uses: dockerode's engines over SSH (by a library with native parts) and
 * its sessions with a builder, zod's messages in forty languages. Whoever calls one of them all the same is told.
 */
const UNUSED: readonly { readonly path: RegExp; readonly from: RegExp; readonly contents: string }[] = [
  {
    path: /^ssh2$/,
    from: /docker-modem/,
    contents: 'exports.Client = class { constructor() { throw new Error("ssh:// engines are not supported"); } };',
  },
  {
    path: /^\.\/session$/,
    from: /dockerode/,
    contents: 'module.exports = () => { throw new Error("builds with BuildKit are not supported"); };',
  },
  { path: /\/locales\/index\.js$/, from: /zod/, contents: "module.exports = {};" },
];

const withoutUnused: Plugin = {
  name: "without-unused",
  setup(context) {
    for (const [at, { path, from }] of UNUSED.entries()) {
      context.onResolve({ filter: path }, ({ importer }) =>
        from.test(importer) ? { path: String(at), namespace: "unused" } : undefined,
      );
    }
    context.onLoad({ filter: /.*/, namespace: "unused" }, ({ path }) => ({
      contents: UNUSED[Number(path)]?.contents ?? "",
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
  external: ["bufferutil", "utf-8-validate"],
  plugins: [withoutUnused],
  logLevel: "warning",
});
/*
 * V8 keeps the text of a program for as long as it runs, with a byte a character only where all of them fit one. esbuild
 * writes texts so, but regular expressions as they are.
 */
const other = /[^\0-\x7f].{0,20}/.exec(readFileSync(join(dist, "murmur.js"), "utf8"));
if (other !== null) throw new Error(`the bundle has a character beyond ASCII; write it as \\uXXXX: ${other[0]}`);
console.log(`dist/murmur.js: ${(statSync(join(dist, "murmur.js")).size / 1024 / 1024).toFixed(2)} MiB`);
