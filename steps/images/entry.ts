// First file of the images: small, because Node's compile cache does not cover what is loaded with it.
import { enableCompileCache } from 'node:module';

const folder = process.env['LC2_COMPILE_CACHE'];
if (folder !== undefined && folder !== '') enableCompileCache(folder);
await import('../main.ts');
