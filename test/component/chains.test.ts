// Three backups in a row in each home, each copying only what is new; the middle one is restored, as it was at its time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../oracle/compare.ts';
import type { Capture } from '../oracle/facts.ts';
import { runPsql } from '../oracle/psql.ts';
import { settleSequences } from '../support/azure.ts';
import { type Home, homeNames, type Homes, startHomes } from '../support/homes.ts';
import { captureAt, connectTo, environmentDocument, type Lab, type Sealed } from '../support/lab.ts';

const keys = Array.from({ length: 30 }, (_, index) => `folder ${index % 3}/${index}.bin`);
const large = 'folder 0/large.bin';

interface Manifest {
  readonly objectStores: readonly {
    readonly objectCount: number;
    readonly copied: { readonly count: number };
    readonly references: readonly string[];
  }[];
}

describe.each(homeNames)('a chain of backups in %s', (name) => {
  let homes: Homes;
  let lab: Lab;
  let home: Home;
  let file: string;

  beforeAll(async () => {
    homes = await startHomes([name]);
    ({ lab } = homes);
    home = homes.of(name);
    for (const bucket of ['library', 'storage']) await home.place.make(bucket);
    file = await lab.write('chain.yaml', [
      environmentDocument('prd', {
        ...home.application({ library: 'library', database: 'shop', isStoredHere: true }),
        storage: home.place.location('storage'),
      }),
      ...home.secrets,
    ]);
    await runPsql(connectTo(home.server), 'CREATE DATABASE shop');
    await sql('CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS note FROM generate_series(1, 5000) n');
    await sql('ALTER TABLE orders ADD PRIMARY KEY (id); CREATE SEQUENCE numbers');
    for (const key of keys) await home.place.put('library', key, `first ${key}`);
    await home.place.put('library', large, Buffer.alloc(6_000_000, 'first'));
  });

  afterAll(async () => {
    const [violation] = homes.violations();
    await homes.stop();
    if (violation !== undefined) throw new Error(violation);
  });

  const sql = (text: string): Promise<string> => runPsql(connectTo(home.server, 'shop'), text);

  /** Some rows and objects change, some go, some come. */
  const work = async (round: string): Promise<void> => {
    await sql(`UPDATE orders SET note = '${round}' WHERE id % 7 = 0; DELETE FROM orders WHERE id % 11 = 3;
      INSERT INTO orders SELECT max(id) + 1, '${round}' FROM orders; CREATE TABLE "of ${round}" AS SELECT nextval('numbers')`);
    await settleSequences(home.server, 'shop');
    const { place } = home;
    for (const key of keys.slice(0, 4)) await place.put('library', key, `${round} ${key}`);
    await place.drop('library', keys.find((_, index) => index === 10 + round.length) ?? '');
    await place.put('library', `new in ${round}`, `new in ${round}`);
  };

  const capture = async (): Promise<Capture> => ({
    ...(await captureAt(home.server, 'shop')),
    objects: await home.place.capture('library'),
  });

  const backUp = async (): Promise<{
    readonly id: string;
    readonly store: Manifest['objectStores'][number] | undefined;
  }> => {
    const { backupId } = await lab.json<Sealed>('backup', '-f', file);
    return { id: backupId, store: (await lab.json<Manifest>('show', backupId, '-f', file)).objectStores[0] };
  };

  test('copies what is new, and the middle one comes back as it was then', async () => {
    const first = await backUp();
    await work('second');
    const then = await capture();
    const middle = await backUp();
    await work('third one');
    const third = await backUp();
    expect([first, middle, third].map(({ store }) => store?.copied.count)).toEqual([keys.length + 1, 5, 5]);
    // The large object is that of the first one for all.
    expect(third.store?.references.length).toBeGreaterThan(0);
    await lab.json('restore', '-f', file, '--backup', middle.id, '--objects-mode', 'mirror', '--confirm', 'prd');
    expect(differences(then, await capture())).toEqual([]);
    expect(await lab.json('verify', middle.id, '-f', file, '--objects', 'full')).toMatchObject({ ok: true });
  });
});
