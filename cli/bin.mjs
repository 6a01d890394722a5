#!/usr/bin/env node
// A clone runs its sources, an installed package what was built from them: Node strips no types below node_modules.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = new URL('./main.ts', import.meta.url);
const built = new URL('../build/cli/main.mjs', import.meta.url);
const { main } = await import(existsSync(fileURLToPath(source)) ? source.href : built.href);
process.exitCode = await main(process.argv.slice(2));
