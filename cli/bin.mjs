#!/usr/bin/env node
// A clone runs its sources, an installed package what was built from them: Node strips no types below node_modules.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = new URL('./main.ts', import.meta.url);
const fromSources = existsSync(fileURLToPath(source));
const needed = [22, 19];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  process.stderr.write(
    `TOOL_MISSING: Node ${process.versions.node} is too old; use Node ${needed.join('.')} or newer\n`,
  );
  process.exitCode = 78;
} else {
  const { main } = await import(fromSources ? source.href : new URL('../build/cli/main.mjs', import.meta.url).href);
  process.exitCode = await main(process.argv.slice(2));
}
