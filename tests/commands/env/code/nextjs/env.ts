import { createEnv } from "@t3-oss/env-nextjs";
import { z } from "zod";

export const env = createEnv({
  server: {
    DATABASE_URL: z.string().url(),
    AUTH_SECRET: process.env.NODE_ENV === "production" ? z.string() : z.string().optional(), //: NODE_ENV
  },
  client: { NEXT_PUBLIC_API_URL: z.string().url() },
  runtimeEnv: {
    DATABASE_URL: process.env.DATABASE_URL, //: DATABASE_URL
    AUTH_SECRET: process.env.AUTH_SECRET, //: AUTH_SECRET
    NEXT_PUBLIC_API_URL: process.env.NEXT_PUBLIC_API_URL, //: NEXT_PUBLIC_API_URL
  },
  skipValidation: !!process.env.SKIP_ENV_VALIDATION || false, //: SKIP_ENV_VALIDATION
});

// env is createEnv's, so what is read from it is not the environment's.
export const secret = env.AUTH_SECRET;
