import { resolve } from "node:path";
import type { UserConfig } from "vite";

const WEB = import.meta.dirname;

/**
 * The build of one listener's pages. Each has an output of its own, because the viewers' port
 * must never be able to serve a line of the operators' code.
 */
export function pages(listener: "viewers" | "operators", entries: readonly string[], apiPort: number): UserConfig {
  const root = resolve(WEB, listener);
  return {
    root,
    base: "/",
    publicDir: false,
    build: {
      outDir: resolve(WEB, "../src/tifo/pages", listener),
      emptyOutDir: true,
      target: "es2022",
      // Everything is a file of our own origin, so that a strict content security policy needs no exception.
      assetsInlineLimit: 0,
      license: { fileName: "assets/licenses.md" },
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 800,
      rollupOptions: { input: entries.map((entry) => resolve(root, entry)) },
    },
    server: {
      host: "127.0.0.1",
      proxy: { "/v1": `http://127.0.0.1:${apiPort}` },
    },
  };
}
