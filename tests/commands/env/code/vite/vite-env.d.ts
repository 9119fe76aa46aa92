/// <reference types="vite/client" />
interface ImportMetaEnv {
  readonly VITE_DECLARED: string;
}
interface ImportMeta {
  readonly env: ImportMetaEnv;
}
declare namespace NodeJS {
  interface ProcessEnv {
    DECLARED_ONLY: string;
  }
}
type Env = typeof import.meta.env;
