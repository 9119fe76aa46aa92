/** @type {import('next').NextConfig} */
// Set process.env.NOT_READ_IN_A_COMMENT before `next build`.
const isProd = process.env.NODE_ENV === 'production' //: NODE_ENV

const nextConfig = {
  reactStrictMode: true,
  assetPrefix: isProd ? process.env.CDN_URL : undefined, //: CDN_URL
  env: {
    BUILD_ID: process.env.GIT_SHA || 'dev', //: GIT_SHA?
  },
  images: {
    remotePatterns: [{ protocol: 'https', hostname: process.env.IMAGE_HOST ?? 'images.acme.com' }], //: IMAGE_HOST?
  },
  async rewrites() {
    return [
      { source: '/blog/:path*', destination: `${process.env.BLOG_URL}/:path*` }, //: BLOG_URL
      { source: '/docs/:path*', destination: `${process.env.DOCS_URL ?? `https://docs.${process.env.ROOT_DOMAIN}`}/:path*` }, //: DOCS_URL? ROOT_DOMAIN
    ]
  },
  webpack(config, { dev }) {
    config.module.rules.push({ test: /process\.env\.NOT_A_READ['"`]/, use: 'null-loader' })
    if (!dev && !process.env.SENTRY_AUTH_TOKEN) throw new Error('process.env.SENTRY_AUTH_TOKEN is not set') //: SENTRY_AUTH_TOKEN
    return config
  },
}

module.exports = process.env.ANALYZE === 'true' ? require('@next/bundle-analyzer')()(nextConfig) : nextConfig //: ANALYZE
