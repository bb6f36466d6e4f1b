import { defineConfig } from 'vitest/config';

// The server sends a strict Content-Security-Policy and serves only / and /assets: nothing inline, one flat folder.
export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2020',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
  },
  test: { environment: 'node', include: ['src/**/*.test.{ts,tsx}'] },
});
