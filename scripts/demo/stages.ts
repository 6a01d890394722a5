import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseManifest, type Manifest } from '../../core/manifest/manifest.ts';
import { sha256 } from '../../steps/runtime/bytes.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { type Application, createApplication, damage, work } from './application.ts';
import {
  capture,
  countDifferences,
  databaseDiffers,
  type Evidence,
  generatedCount,
  tornObjects,
  judge,
  judgeDocuments,
} from './checker.ts';
import { type Places, writeEnvironment } from './environment.ts';
import { install, lc2Backup, mustSucceed } from './programs.ts';
import { flipByte } from './sabotage.ts';
import { blank, bytes, closing, count, heading, row, say, verdict } from './screen.ts';

/** What the stages share. `atEnd` is undone however the demo ends. */
export interface Stage {
  readonly places: Places;
  readonly signal: AbortSignal;
  readonly atEnd: (undo: () => Promise<void>) => void;
}

const file = ['-f', 'environment.yaml'] as const;

/** Before anything is made: where a package is missing and may not be installed, nothing is left behind. */
export const installMissing = async (signal: AbortSignal): Promise<void> => {
  heading('Start a throw-away PostgreSQL and a document library');
  await install(signal);
};

export const prepare = async ({ places, signal, atEnd }: Stage): Promise<Application> => {
  const server = await startPostgres();
  atEnd(() => server.stop());
  signal.throwIfAborted();
  const application = await createApplication(server, places.documents);
  writeEnvironment(application.connection, places);
  const { families, objects, bytes: size, documents, largeObjects } = application.seed;
  const generated = families.preview.count + families.thumbnail.count;
  row(
    'database',
    `lportal on ${server.host}:${server.port}, ${count(documents)} documents, ${largeObjects} large objects`,
  );
  row(
    'documents',
    `${count(objects)} objects, ${bytes(size)}; ${count(generated)} of them generated previews and thumbnails`,
  );
  row('environment', places.file);
  return application;
};

const cli = ({ places, signal }: Stage): { folder: string; signal: AbortSignal } => ({ folder: places.folder, signal });

export const firstBackup = async (stage: Stage): Promise<void> => {
  heading('Back up');
  await mustSucceed(['backup', ...file], cli(stage));
  heading('Look at the manifest');
  await mustSucceed(['show', 'latest', ...file], cli(stage));
  const { manifest, path } = latestManifest(stage);
  blank();
  say('In manifest.json, among others:');
  for (const line of excerpt(manifest)) say(`  ${line}`);
  say(`  (${path})`);
};

/** The newest run in the folder; names of runs sort by time. */
const latestManifest = ({ places }: Stage): { manifest: Manifest; path: string } => {
  const [newest = ''] = runsIn(places).reverse();
  const path = join(newest, 'manifest.json');
  return { manifest: parseManifest(readFileSync(path, 'utf8'), path, sha256), path };
};

const runsIn = (places: Places): string[] => {
  const folder = environmentFolder(places);
  const runs = readdirSync(folder).map((name) => join(folder, name));
  return runs.filter((run) => existsSync(join(run, 'manifest.json'))).sort();
};

const excerpt = ({ database, objectStores, points }: Manifest): string[] => [
  ...points.map(
    ({ database: name, time, position }) => `points     ${name} as of ${time}, position ${position ?? 'unknown'}`,
  ),
  ...(database?.dumps ?? []).flatMap(({ key, digest, tables }) => [
    `dump       ${key}`,
    `           sha256 ${digest}`,
    `tables     ${firstTables(tables)}, …`,
  ]),
  ...objectStores.flatMap(({ inventory, excluded }) => [
    ...inventory.flatMap(({ key, digest }) => [`inventory  ${key}`, `           sha256 ${digest}`]),
    `excluded   ${excluded.rules.join(', ')}`,
  ]),
];

const firstTables = (tables: Readonly<Record<string, number>>): string =>
  Object.entries(tables)
    .slice(0, 3)
    .map(([name, rows]) => `${name} ${count(rows)}`)
    .join(', ');

export const secondBackup = async (stage: Stage, application: Application): Promise<Evidence> => {
  heading('Work a little, back up again');
  await work(application);
  say('3 documents uploaded: 6 rows and 3 objects');
  await mustSucceed(['backup', ...file], cli(stage));
  const { manifest } = latestManifest(stage);
  for (const { copied, objectCount, excluded, references } of manifest.objectStores) {
    row('copied', `${count(copied.count)} objects (${bytes(copied.bytes)})`);
    row('not copied', `${count(objectCount - copied.count)} objects, unchanged since ${references.join(', ')}`);
    row('excluded', `${count(excluded.count)} objects (${bytes(excluded.bytes)}) by ${excluded.rules.join(' and ')}`);
  }
  return capture(application, stage.places.folder, 'before');
};

export const breakIt = async (stage: Stage, application: Application, before: Evidence): Promise<Evidence> => {
  heading('Damage the database, delete documents');
  const done = await damage(
    application,
    before.objects.map(({ key }) => key),
  );
  say('rows deleted and changed, a table dropped, a table emptied, a sequence set back, a large object unlinked,');
  say('an owner changed, a grant revoked, a storage option of a table set');
  say(
    `${count(done.deleted)} objects deleted, ${count(done.overwritten)} overwritten, and ${count(done.generated)} generated files deleted`,
  );
  const damaged = await capture(application, stage.places.folder, 'damaged');
  say(`the checker finds ${count(countDifferences(before, damaged))} differences`);
  return damaged;
};

export const preview = async (stage: Stage): Promise<void> => {
  heading('Preview the restore');
  await mustSucceed(['restore', ...file, '--backup', 'latest', '--preview'], cli(stage));
};

const restoreWords = ['restore', ...file, '--backup', 'latest', '--confirm', 'prd'] as const;

export const restore = async (stage: Stage): Promise<void> => {
  heading('Restore');
  await mustSucceed(restoreWords, cli(stage));
};

export const check = async (stage: Stage, application: Application, before: Evidence): Promise<boolean> => {
  heading('Check, independently of the product');
  const after = await capture(application, stage.places.folder, 'after');
  const equal = judge(before, after);
  const whole = await judgeDocuments(application);
  const gone = generatedCount(before) - generatedCount(after);
  say(
    `${count(gone)} deleted previews and thumbnails stay away: they were excluded, the application makes them again.`,
  );
  return equal && whole;
};

interface Seen {
  readonly before: Evidence;
  readonly damaged: Evidence;
}

/** One stored byte is flipped: a restore that notices changes nothing. Returns the exit status of the demo. */
export const sabotage = async (stage: Stage, application: Application, { before, damaged }: Seen): Promise<number> => {
  heading('Sabotage: flip one stored byte');
  const { manifest } = latestManifest(stage);
  const [dump] = manifest.database?.dumps ?? [];
  const flipped = flipByte(join(environmentFolder(stage.places), dump?.key ?? ''));
  row('file', flipped.path);
  row('byte', `${count(flipped.position)} of ${count(flipped.size)}: ${flipped.before} became ${flipped.after}`);
  heading('Restore');
  const status = await lc2Backup(restoreWords, cli(stage));
  say(`exit status ${status}`);
  const now = await capture(application, stage.places.folder, 'after');
  const unchanged = !databaseDiffers(damaged, now);
  verdict(status !== 0, 'refused', 'the damaged backup was not restored');
  verdict(unchanged, 'live database', unchanged ? 'as it was before the attempt' : 'was changed');
  const torn = tornObjects(now, [before, damaged]);
  verdict(
    torn === 0,
    'documents',
    torn === 0 ? 'each as it was before the attempt, or whole as in the backup' : `${torn} torn`,
  );
  return status !== 0 && unchanged && torn === 0 ? status : 1;
};

const environmentFolder = ({ storage }: Places): string => join(storage, 'retail', 'prd');
const clone = fileURLToPath(new URL('../..', import.meta.url));

export const whereEverythingIs = ({ places }: Stage): void => {
  closing('Where everything is');
  row('folder', places.folder);
  row('', 'environment.yaml  the environment and its Secret');
  row('', 'documents/        the document library');
  row('', 'storage/          the backups');
  row('', '*.json            what the checker saw: before, damaged, after');
  say('The database server is stopped and removed. The backups need none; in the clone, try:');
  const argument = `-f ${places.file}`;
  say(`  npx lc2-backup list ${argument}`);
  say(`  npx lc2-backup verify latest ${argument}`);
  say(`  npx lc2-backup get latest ${argument} --database lportal --out lportal.dump.zst`);
  if (process.cwd() !== clone.replace(/\/$/u, '')) say(`  (the clone is ${clone})`);
};
