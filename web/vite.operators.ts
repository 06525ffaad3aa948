import { defineConfig } from "vite";
import { pages } from "./pages.ts";

export default defineConfig(pages("operators", ["index.html"], 8090));
