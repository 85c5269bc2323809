// Builds the admin pages' scripts and styles. Everything is served from our own origin: no CDN, nothing inline.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/assets/",
  publicDir: false,
  build: {
    outDir: "admin_ui/assets/dist",
    emptyOutDir: true,
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssTarget: ["chrome125", "safari17.5", "firefox125"],
    target: ["chrome125", "safari17.5", "firefox125"],
    rollupOptions: { input: "admin_ui/assets/scripts/main.js" },
    chunkSizeWarningLimit: 700,
  },
});
