import type { Plugin } from 'esbuild';

/**
 * Imported as an ES module, Node's http hands out every one of its exports, and with the last of them it loads the whole
 * of undici, which no step uses: a sixth of the start of a step. Required, it does not.
 */
export const requiredHttp: Plugin = {
  name: 'required-http',
  setup: (on) => {
    on.onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind, namespace }) =>
      kind === 'require-call' && namespace === 'required'
        ? { path, external: true }
        : { path: path.replace(/^node:/, ''), namespace: 'required' },
    );
    on.onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('node:${path}');`,
      loader: 'js',
    }));
  },
};

/** HTTP/2 of undici, which the steps do not allow: with it comes Node's own, a tenth of the start of a step. */
export const noHttp2: Plugin = {
  name: 'no-http2',
  setup: (on) =>
    on.onLoad({ filter: /[/\\]undici[/\\]lib[/\\]dispatcher[/\\]client-h2\.js$/ }, () => ({
      contents: 'module.exports = undefined;',
      loader: 'js',
    })),
};

/** A second parser of HTTP/1.1 in undici, in WebAssembly twice, for who asks for it: a third of undici. */
export const noMilo: Plugin = {
  name: 'no-milo',
  setup: (on) =>
    on.onLoad({ filter: /[/\\]undici[/\\]lib[/\\]milo[/\\](no-)?simd\.js$/ }, () => ({
      contents: 'module.exports = undefined;',
      loader: 'js',
    })),
};

/** zod's messages in all languages but its own, English: a third of what every step loads. */
export const englishOnly: Plugin = {
  name: 'english-only',
  setup: (on) =>
    on.onLoad({ filter: /[/\\]zod[/\\]v4[/\\]locales[/\\]index\.js$/ }, () => ({
      contents: `export { default as en } from './en.js';`,
      loader: 'js',
    })),
};

/** The SDK of Azure can list in a format of Apache Arrow, whose reader is as large as the rest of it; we ask for XML. */
export const withoutArrow: Plugin = {
  name: 'without-arrow',
  setup: (on) => {
    on.onResolve({ filter: /^apache-arrow$/ }, ({ path }) => ({ path, namespace: 'without-arrow' }));
    on.onLoad({ filter: /.*/, namespace: 'without-arrow' }, () => ({
      contents: `export const tableFromIPC = () => { throw new Error('lists are asked for as XML'); };`,
      loader: 'js',
    }));
  },
};

/** Google's library asks for tokens with a fetch of its own, from times when Node had none. */
export const ownFetch: Plugin = {
  name: 'own-fetch',
  setup: (on) => {
    on.onResolve({ filter: /^node-fetch$/ }, ({ path }) => ({ path, namespace: 'own-fetch' }));
    on.onLoad({ filter: /.*/, namespace: 'own-fetch' }, () => ({
      contents: 'export default globalThis.fetch;',
      loader: 'js',
    }));
  },
};
