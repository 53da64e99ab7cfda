import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const OUT_DIR = join(import.meta.dirname, "../src/ipymultichat/static/lab");
const VERSION = /^version = "(.+)"$/m.exec(
  readFileSync(join(import.meta.dirname, "../pyproject.toml"), "utf8"),
)?.[1];

/** What JupyterLab reads of a prebuilt extension. The name holds a hash, as browsers keep what they have loaded. */
function describe(): Plugin {
  return {
    name: "describe",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== "chunk") continue;
        const hash = createHash("sha256").update(file.code).digest("hex").slice(0, 12);
        file.fileName = `static/remoteEntry.${hash}.js`;
      }
    },
    writeBundle(_options, bundle) {
      const load = Object.values(bundle)[0]?.fileName;
      const description = {
        name: "ipymultichat",
        version: VERSION,
        description: "One inbox for many chat servers, in the side bar",
        license: "MIT",
        jupyterlab: { extension: true, _build: { load, extension: "./extension" } },
      };
      writeFileSync(join(OUT_DIR, "package.json"), `${JSON.stringify(description, null, 2)}\n`);
    },
  };
}

/** The panel of JupyterLab: a script of its own, for the page and not for the widget. */
export default defineConfig({
  plugins: [describe()],
  build: {
    target: "es2022",
    outDir: OUT_DIR,
    emptyOutDir: true,
    minify: true,
    reportCompressedSize: false,
    lib: {
      entry: "src/lab/index.ts",
      formats: ["iife"],
      name: "ipymultichat",
      fileName: () => "remoteEntry.js",
    },
  },
});
