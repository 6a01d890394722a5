// Within one cloud no byte of an object passes a step: what clients send and receive is the same whether objects are small or
// large. Fronts count it by client; one table in the log.
import { afterAll, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import { runPsql } from '../oracle/psql.ts';
import type { Traffic } from '../fakes/http-front.ts';
import { type Home, homeNames, startHomes } from '../support/homes.ts';
import { connectTo, environmentDocument, type Lab } from '../support/lab.ts';

const count = 12;
const sizes = { small: 1000, large: 2_500_000 } as const;
type Size = keyof typeof sizes;
/** Numbers are written with more digits, copies of large objects take more calls, a poll or a listing comes once more. */
const mostMore = count * 10_000;

const table: string[][] = [['cloud', 'flow', 'client', 'objects', 'requests', 'sent', 'received']];
const clouds = homeNames.filter((name) => name !== 'server');

afterAll(() => {
  const widths = table.reduce<number[]>((most, row) => row.map((cell, at) => Math.max(most[at] ?? 0, cell.length)), []);
  for (const row of table) process.stdout.write(`${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}\n`);
});

/** A library of so large objects and a database, backed up and restored; what passed by meanwhile, by flow. */
const traffic = async (home: Home, lab: Lab, size: Size): Promise<Map<string, ReadonlyMap<string, Traffic>>> => {
  const { place, server } = home;
  const [library, storage] = [`library-${size}`, `storage-${size}`];
  for (const bucket of [library, storage]) await place.make(bucket);
  const keys = Array.from({ length: count }, (_, index) => `object-${index}`);
  for (const [index, key] of keys.entries())
    await place.put(library, key, Buffer.alloc(sizes[size], `${index} of ${size}`));
  const spec = {
    ...home.application({ library, database: 'shop', isStoredHere: true }),
    storage: place.location(storage),
  };
  const file = await lab.write(`${size}.yaml`, [environmentDocument(size, spec), ...home.secrets]);
  const before = await place.capture(library);
  const passed = new Map<string, ReadonlyMap<string, Traffic>>();
  const measure = async (flow: string, args: readonly string[]): Promise<void> => {
    place.front?.reset();
    await lab.json(...args);
    const { bytes = new Map<string, Traffic>() } = place.front ?? {};
    passed.set(flow, new Map(bytes));
    for (const [client, { requests, sent, received }] of bytes)
      table.push([home.name, flow, client, `${count} x ${sizes[size]}`, ...[requests, sent, received].map(String)]);
  };
  await measure('backup', ['backup', '-f', file, '-e', size]);
  for (const key of keys) await place.drop(library, key);
  await runPsql(connectTo(server, 'shop'), 'TRUNCATE orders');
  await measure('restore', ['restore', '-f', file, '--into', size, '--backup', 'latest', '--confirm', size]);
  const after = await place.capture(library);
  expect(differences({ format: 1, objects: before }, { format: 1, objects: after })).toEqual([]);
  expect((await runPsql(connectTo(server, 'shop'), 'SELECT count(*) FROM orders')).trim()).toBe('100');
  return passed;
};

const ofSteps = (clients: ReadonlyMap<string, Traffic> | undefined): number =>
  [...(clients ?? [])]
    // What the clouds themselves do is theirs.
    .filter(([client]) => !client.endsWith('-fake'))
    .reduce((sum, [, { sent, received }]) => sum + sent + received, 0);

test.each(clouds)('no byte of an object passes a step within %s', async (name) => {
  const homes = await startHomes([name]);
  const { lab } = homes;
  const home = homes.of(name);
  try {
    await runPsql(connectTo(home.server), 'CREATE DATABASE shop');
    await runPsql(connectTo(home.server, 'shop'), 'CREATE TABLE orders AS SELECT generate_series(1, 100) AS id');
    const small = await traffic(home, lab, 'small');
    const large = await traffic(home, lab, 'large');
    for (const flow of ['backup', 'restore']) {
      expect(ofSteps(small.get(flow))).toBeGreaterThan(0);
      expect(ofSteps(large.get(flow)) - ofSteps(small.get(flow))).toBeLessThan(mostMore);
    }
  } finally {
    await homes.stop();
  }
});
