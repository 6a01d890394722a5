import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bundles, packagesOf, runEsbuild } from '../../scripts/bundles.ts';
import { parseLockfile, sbomText } from '../../scripts/sbom.ts';
import { root } from './support/dist.ts';

/** What we ship of others. */

const versions = z.record(z.string(), z.string());
const manifestSchema = z.object({
  version: z.string(),
  scripts: versions,
  dependencies: versions,
  devDependencies: versions,
  optionalDependencies: versions,
});
const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');
const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
const locked = z
  .object({
    packages: z.record(
      z.string(),
      z.looseObject({
        version: z.string().optional(),
        license: z.string().optional(),
        integrity: z.string().optional(),
        dev: z.boolean().optional(),
        hasInstallScript: z.boolean().optional(),
        /** Comes within the archive of the package above it, whose digest covers it. */
        inBundle: z.boolean().optional(),
      }),
    ),
  })
  .parse(JSON.parse(lockText)).packages;
const production = Object.entries(locked).filter(([folder, { dev }]) => folder !== '' && dev !== true);

const licences = new Set([
  'Apache-2.0',
  'MIT',
  'ISC',
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BSD',
  'Unlicense',
  'PSF-2.0',
  'Python-2.0',
]);

/** What one team releases together counts as one: the parts of the SDKs of AWS and Azure never come from anybody else. */
const teamOf = (folder: string): string =>
  folder
    .replace(/^.*node_modules\//, '')
    .replace(/^@(aws-sdk|smithy|aws)\/.*/, 'AWS SDK')
    .replace(/^@(azure|typespec)\/.*/, 'Azure SDK');

/** By entry, the packages of the bundle in which it comes. */
const shipped = new Map<string, readonly string[]>();

beforeAll(async () => {
  for (const { folder, entries } of bundles)
    for (const [name, source] of Object.entries(entries))
      shipped.set(
        `${folder}/${name}`,
        packagesOf(await runEsbuild(root, { folder, entries: { [name]: source } }, false)),
      );
});

describe('packages of others', () => {
  it('are pinned exactly, in package.json and in the lockfile', () => {
    const pins = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
    expect(Object.entries(pins).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(
      Object.entries(pins).filter(([name, version]) => locked[`node_modules/${name}`]?.version !== version),
    ).toEqual([]);
  });

  it('run nothing when they are installed, and come from no registry in particular', () => {
    expect(production.filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([]);
    expect(readFileSync(join(root, '.npmrc'), 'utf8')).toMatch(/^ignore-scripts=true$/m);
    expect(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
    expect(lockText).not.toMatch(
      /"resolved"|https?:\/\/(?!(www\.)?(github\.com|opencollective\.com|[\w.-]+\/(sponsors|funding|donate)))[^"]*\.tgz/,
    );
    expect(
      production.filter(
        ([, { integrity, inBundle }]) => integrity?.startsWith('sha512-') !== true && inBundle !== true,
      ),
    ).toEqual([]);
  });

  it('have licences that allow what we do', () => {
    expect(production.length).toBeGreaterThan(50);
    expect(production.filter(([, { license }]) => license === undefined || !licences.has(license))).toEqual([]);
  });

  it('are few in what is shipped, and only what production needs', () => {
    const counts = Object.fromEntries(
      [...shipped].map(([entry, folders]) => [entry, new Set(folders.map(teamOf)).size]),
    );
    // Of these the SDK of Azure brings 14, for XML and proxies, Google's library for identities 15, and its client of Cloud SQL 25,
    // nearly all of them for query strings.
    expect(counts['build/app/main']).toBeLessThanOrEqual(79);
    expect(counts['build/cli/main']).toBeLessThanOrEqual(79);
    // The client of Kubernetes brings 30 by itself; no more come unseen.
    expect(counts['build/app/controller']).toBeLessThanOrEqual(41);
    const known = new Set(production.map(([folder]) => folder));
    // Colours of a terminal, which `debug` of the controller's client asks for where they are installed.
    const optional = /node_modules\/(supports-color|has-flag)$/;
    const others = [...shipped.values()].flat().filter((folder) => !known.has(folder) && !optional.test(folder));
    expect(others).toEqual([]);
  });

  it('are listed with the versions and digests of the lockfile', () => {
    for (const folders of shipped.values()) {
      const text = sbomText({ name: 'lc2-backup', version: manifest.version, lock: parseLockfile(lockText), folders });
      const { components } = z
        .object({
          components: z.array(
            z.object({
              name: z.string(),
              version: z.string(),
              purl: z.string(),
              hashes: z.array(z.object({ alg: z.literal('SHA-512'), content: z.string().length(128) })).length(1),
              licenses: z.array(z.object({ license: z.object({ id: z.string() }) })).length(1),
            }),
          ),
        })
        .parse(JSON.parse(text));
      const told = components.map(({ name, version, hashes, licenses }) => [
        name,
        version,
        `sha512-${Buffer.from(hashes[0]?.content ?? '', 'hex').toString('base64')}`,
        licenses[0]?.license.id,
      ]);
      const wanted = folders.map((folder) => {
        const entry = locked[folder];
        return [folder.replace(/^.*node_modules\//, ''), entry?.version, entry?.integrity, entry?.license];
      });
      expect(told).toEqual(wanted);
    }
  });
});
