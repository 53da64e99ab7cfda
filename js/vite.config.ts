import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const LIMIT_KB = 100;
const OUT_DIR = join(import.meta.dirname, "../src/ipymultichat/static");

/** Every notebook that shows the widget loads the whole bundle, so its size is a property we hold. */
function bundleSize(): Plugin {
  return {
    name: "bundle-size",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        let total = 0;
        for (const file of Object.values(bundle)) {
          const content = file.type === "chunk" ? file.code : file.source;
          const size = gzipSync(content).length / 1000;
          total += size;
          console.info(`${file.fileName.padEnd(12)} ${size.toFixed(1)} kB gzipped`);
        }
        console.info(`${"total".padEnd(12)} ${total.toFixed(1)} of ${LIMIT_KB} kB`);
        if (total > LIMIT_KB) this.error(`The bundle is larger than ${LIMIT_KB} kB gzipped.`);
      },
    },
  };
}

/**
 * `hatch_build.py` writes this file beside a bundle it has built, and takes a bundle without it for stale. A bundle that
 * was built in another way must not pass for one of its own.
 */
function removeStamp(): Plugin {
  return {
    name: "remove-stamp",
    apply: "build",
    buildStart() {
      rmSync(join(OUT_DIR, "bundle.sha256"), { force: true });
    },
  };
}

/** Chinese is data for who wants it, not a part of what every page loads. */
function languages(): Plugin {
  return {
    name: "languages",
    writeBundle() {
      const zh: unknown = JSON.parse(readFileSync(join(import.meta.dirname, "src/locales/zh.json"), "utf8"));
      writeFileSync(join(OUT_DIR, "zh.json"), JSON.stringify(zh));
    },
  };
}

/** What is heavy and seldom wanted is a module of its own, which the kernel hands over when it is first needed. */
const isMath = (mode: string): boolean => mode === "math";

export default defineConfig(({ mode }) => ({
  // Library mode leaves this alone, and a browser has no `process`.
  define: { "process.env.NODE_ENV": JSON.stringify("production") },
  plugins: [...(isMath(mode) ? [] : [bundleSize(), languages()]), removeStamp()],
  build: {
    target: "es2022",
    outDir: OUT_DIR,
    emptyOutDir: !isMath(mode),
    sourcemap: false,
    minify: true,
    cssMinify: true,
    reportCompressedSize: false,
    // Vite keeps the white space of ES libraries, for bundlers further down the line. Here the browser is next.
    rolldownOptions: { output: { minify: true } },
    lib: {
      entry: isMath(mode) ? "src/math-module.ts" : "src/index.ts",
      formats: ["es"],
      fileName: () => (isMath(mode) ? "math.js" : "widget.js"),
      cssFileName: "widget",
    },
  },
  test: { environment: "jsdom", include: ["tests/**/*.test.{ts,tsx}"] },
}));
