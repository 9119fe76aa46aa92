import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode }) => {
  const loaded = loadEnv(mode, process.cwd(), "");
  return {
    plugins: [react()],
    server: { proxy: { "/api": { target: process.env.API_PROXY ?? "http://localhost:3000", changeOrigin: true } } }, //: API_PROXY?
    define: { "process.env.NOT_A_KEY": JSON.stringify(loaded.KEY), __SHA__: JSON.stringify(process.env.COMMIT_SHA) }, //: COMMIT_SHA KEY
    build: { sourcemap: process.env.SOURCEMAPS !== "0" }, //: SOURCEMAPS
  };
});
