import { defineConfig } from "vite";
import { pages } from "./pages.ts";

export default defineConfig(pages("viewers", ["index.html", "watch.html"], 8080));
