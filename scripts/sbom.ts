// The packages that a bundle holds parts of, as a CycloneDX document: names, versions, licences and digests of the lockfile.
import { z } from 'zod';

const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      integrity: z.string().optional(),
    }),
  ),
});
export type Lockfile = z.output<typeof lockfile>;

export const parseLockfile = (text: string): Lockfile => lockfile.parse(JSON.parse(text));

const nameOf = (folder: string): string => folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);

const component = (lock: Lockfile, folder: string): object => {
  const { version, license, integrity } = lock.packages[folder] ?? {};
  if (version === undefined || license === undefined || integrity?.startsWith('sha512-') !== true)
    throw new Error(`the lockfile lacks version, licence or digest of ${folder}`);
  const name = nameOf(folder);
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') }],
    licenses: [{ license: { id: license } }],
    purl,
  };
};

export interface SbomOptions {
  readonly name: string;
  readonly version: string;
  readonly lock: Lockfile;
  /** Folders of packages, as the lockfile names them. */
  readonly folders: readonly string[];
}

/** Without a time or a serial number: the same packages give the same bytes. */
export const sbomText = ({ name, version, lock, folders }: SbomOptions): string => {
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', name, version, licenses: [{ license: { id: 'Apache-2.0' } }] } },
    components: folders.map((folder) => component(lock, folder)),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
};
