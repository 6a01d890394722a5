// The restores that a case draws from, each judged by what the oracle captured when the backup was made.
import type { Fact, ObjectFact } from '../../oracle/facts.ts';
import { identifier, runPsql } from '../../oracle/psql.ts';
import { captureAt, connectTo, type Lab, type Restored } from '../../support/lab.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import type { Place } from './place.ts';
import type { CasePlan } from './plan.ts';
import { assertDatabase, assertLibrary, captureState, type ObjectsRestore, type State } from './state.ts';
import type { World } from './world.ts';
import { writerPrefix } from './writer.ts';

export const restoreForms = [
  'full',
  'older, mirrored',
  'renamed',
  'in-place',
  'recreate',
  'dropped before',
  'one database',
  'prefixes',
  'one component',
  'other roles',
  'superuser for a role',
] as const;
export type RestoreForm = (typeof restoreForms)[number];
export const isRestoreForm = (text: string): text is RestoreForm => (restoreForms as readonly string[]).includes(text);

export interface Sealing {
  readonly id: string;
  readonly state: State;
}

/** A case in which two backups were made. */
export interface Stage {
  readonly world: World;
  readonly plan: CasePlan;
  readonly lab: Lab;
  readonly file: string;
  readonly source: Place;
  readonly target: Place;
  readonly environments: Readonly<Record<'live' | 'copy' | 'uat' | 'uatAdmin', string>>;
  readonly older: Sealing;
  readonly newer: Sealing;
}

const names = ({ plan }: Stage): string[] => plan.databases.map(({ name }) => name);
const sql = (server: PostgresServer, database: string, text: string): Promise<string> =>
  runPsql(connectTo(server, database), text);

const restore = async (stage: Stage, environment: string, args: readonly string[]): Promise<Restored> => {
  const source = ['--source', stage.environments.live, '--into', environment];
  const restored = await stage.lab.json<Restored>(
    'restore',
    '-f',
    stage.file,
    ...source,
    ...args,
    '--confirm',
    environment,
  );
  if (restored.phase !== 'Succeeded') throw new Error(`the restore ended as ${restored.phase}`);
  return restored;
};

/** A database with a subscription is dropped only after it. */
export const dropDatabase = async (server: PostgresServer, name: string): Promise<void> => {
  const subscriptions = `SELECT format('ALTER SUBSCRIPTION %1$I DISABLE;
    ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP SUBSCRIPTION %1$I', subname)
    FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()`;
  for (const line of (await sql(server, name, subscriptions)).split('\n').filter(Boolean))
    await sql(server, name, `SET default_transaction_read_only = off; ${line}`);
  await sql(server, 'postgres', `DROP DATABASE ${identifier(name)} WITH (FORCE)`);
};

const dropKept = async ({ world }: Stage, { previous }: Restored, server = world.source): Promise<void> => {
  for (const name of previous) await dropDatabase(server, name);
};

const damageDatabases = async (stage: Stage, form: 'rows' | 'everything', chosen = names(stage)): Promise<void> => {
  for (const drawn of stage.plan.databases)
    if (chosen.includes(drawn.name)) await sql(stage.world.source, drawn.name, drawn.damage(form));
};

/** Some objects gone, some others, some new; what is there then. */
const damageLibrary = async ({ plan, newer, source }: Stage): Promise<readonly ObjectFact[]> => {
  const { random, library } = plan;
  const present = await source.capture();
  const known = new Set(newer.state.library.map(({ key }) => key));
  for (const { key } of present) {
    if (!known.has(key) || key.startsWith(writerPrefix)) continue;
    if (random.chance(0.2)) await source.remove(key);
    else if (random.chance(0.15)) await source.put({ ...library.next(key), body: Buffer.from(`damaged ${key}`) });
  }
  for (let n = 0; n < 3; n++) await source.put(library.next());
  return source.capture();
};

const assertDatabases = async (stage: Stage, { state }: Sealing, chosen = names(stage)): Promise<void> => {
  for (const name of chosen) assertDatabase(state, name, await captureAt(stage.world.source, name), {});
};

const wholeRestore = async (
  stage: Stage,
  sealing: Sealing,
  objects: ObjectsRestore,
  more: readonly string[] = [],
): Promise<void> => {
  const before = await damageLibrary(stage);
  const args = [
    '--backup',
    sealing.id,
    '--objects-mode',
    objects.mode,
    ...objects.prefixes.flatMap((prefix) => ['--prefix', prefix]),
    ...more,
  ];
  await dropKept(stage, await restore(stage, stage.environments.live, args));
  await assertDatabases(stage, sealing);
  assertLibrary(sealing.state, before, await stage.source.capture(), objects);
};

/** What another environment does not take over. */
const staysBehind =
  (superuser: boolean) =>
  ({ kind, name }: Fact): boolean =>
    kind === 'subscription' ||
    (kind === 'comment' && name.startsWith('subscription ')) ||
    (kind === 'database setting' && name.includes(' of role ')) ||
    (!superuser && (kind === 'event trigger' || (kind === 'comment' && /^(event trigger|extension) /u.test(name))));

/** The last `=` parts the two names of `--database`. */
const copyOf = (name: string): string => `c ${name.replaceAll('=', '')}`.slice(0, 40);

interface Elsewhere {
  readonly server: PostgresServer;
  readonly environment: string;
  readonly superuser: boolean;
  readonly databases: readonly string[];
}

/** Into another environment: other names, no owners and grants, the other place mirrored. Returns the names that were made. */
export const elsewhere = async (
  stage: Stage,
  sealing: Sealing,
  { server, environment, superuser, databases }: Elsewhere,
): Promise<string[]> => {
  await stage.target.put({ key: 'surplus of the target', body: Buffer.from('x') });
  const chosen = databases.flatMap((name) => [`--database=${name}=${copyOf(name)}`]);
  const restored = await restore(stage, environment, ['--backup', sealing.id, '--objects-mode', 'mirror', ...chosen]);
  const options = { ignoreOwners: true, ignoreAcl: true, ignoreTablespaces: true, left: staysBehind(superuser) };
  for (const name of databases)
    assertDatabase(sealing.state, name, await captureAt(server, copyOf(name)), {
      ...options,
      renameDatabase: copyOf(name),
    });
  assertLibrary(sealing.state, [], await stage.target.capture(), { mode: 'mirror', prefixes: [] });
  await dropKept(stage, restored, server);
  return databases.map(copyOf);
};

const toOtherRoles = async (stage: Stage, superuser: boolean): Promise<void> => {
  const { world, plan, environments } = stage;
  const databases = plan.databases.flatMap(({ name, portable }) => (portable ? [name] : []));
  if (databases.length === 0) return;
  const environment = superuser ? environments.uatAdmin : environments.uat;
  const sealing = plan.random.pick([stage.older, stage.newer]);
  for (let twice = 0; twice < 2; twice++)
    await elsewhere(stage, sealing, { server: world.other, environment, superuser: false, databases });
  for (const name of databases) {
    const facts = (await captureAt(world.other, copyOf(name))).database?.facts ?? [];
    const mayOwn = new Set(['uat_owner', 'pg_database_owner', superuser ? 'postgres' : 'uat_admin']);
    const strange = facts.filter(
      ({ kind, attributes: { owner } }) => kind !== 'extension' && typeof owner === 'string' && !mayOwn.has(owner),
    );
    if (strange.length > 0)
      throw new Error(
        `the role does not own everything: ${strange.map((fact) => `${fact.kind} ${fact.name}`).join(', ')}`,
      );
    await dropDatabase(world.other, copyOf(name));
  }
};

const forms: Readonly<Record<RestoreForm, (stage: Stage) => Promise<void>>> = {
  full: async (stage) => {
    await damageDatabases(stage, 'everything');
    for (let twice = 0; twice < 2; twice++) await wholeRestore(stage, stage.newer, { mode: 'merge', prefixes: [] });
  },
  'older, mirrored': async (stage) => {
    await damageDatabases(stage, 'everything');
    await wholeRestore(stage, stage.older, { mode: 'mirror', prefixes: [] });
  },
  'in-place': async (stage) => {
    await wholeRestore(stage, stage.newer, { mode: 'merge', prefixes: [] });
    await damageDatabases(stage, 'rows');
    await wholeRestore(stage, stage.newer, { mode: 'merge', prefixes: [] }, ['--database-mode', 'in-place']);
  },
  recreate: async (stage) => {
    await damageDatabases(stage, 'everything');
    await wholeRestore(stage, stage.newer, { mode: 'mirror', prefixes: [] }, ['--database-mode', 'recreate']);
  },
  'dropped before': async (stage) => {
    for (const name of names(stage)) await dropDatabase(stage.world.source, name);
    await wholeRestore(stage, stage.newer, { mode: 'merge', prefixes: [] });
  },
  renamed: async (stage) => {
    const { plan, world, environments, newer } = stage;
    const before = await captureState(world.source, names(stage), { place: stage.source, busy: false });
    const name = plan.random.pick(names(stage));
    const as = `other "name" ${plan.index}`;
    await restore(stage, environments.live, [
      '--backup',
      newer.id,
      '--components',
      'database',
      `--database=${name}=${as}`,
    ]);
    assertDatabase(newer.state, name, await captureAt(world.source, as), { renameDatabase: as });
    for (const each of names(stage)) assertDatabase(before, each, await captureAt(world.source, each), {});
    assertLibrary(before, [], await stage.source.capture(), { mode: 'merge', prefixes: [] });
    await dropDatabase(world.source, as);
  },
  'one database': async (stage) => {
    await wholeRestore(stage, stage.newer, { mode: 'mirror', prefixes: [] });
    // The last `=` parts two names, so a name that holds one cannot be chosen by itself.
    const [one] = stage.plan.random.shuffle(names(stage).filter((name) => !name.includes('=')));
    if (one === undefined) return;
    await damageDatabases(stage, 'everything', [one]);
    const others = names(stage).filter((name) => name !== one);
    const before = await captureState(stage.world.source, others, { place: stage.source, busy: false });
    const args = ['--backup', stage.older.id, '--components', 'database', `--database=${one}`];
    await dropKept(stage, await restore(stage, stage.environments.live, args));
    await assertDatabases(stage, stage.older, [one]);
    for (const name of others) assertDatabase(before, name, await captureAt(stage.world.source, name), {});
    assertLibrary(before, [], await stage.source.capture(), { mode: 'mirror', prefixes: [] });
  },
  prefixes: async (stage) => {
    const { random } = stage.plan;
    const prefixes = random
      .shuffle(stage.plan.library.objects)
      .slice(0, 2)
      .map(({ key }) => startOf(key, random.between(1, 4)));
    const mode = random.pick(['merge', 'mirror'] as const);
    const before = await damageLibrary(stage);
    const args = [
      '--components',
      'documents',
      '--objects-mode',
      mode,
      ...prefixes.flatMap((prefix) => ['--prefix', prefix]),
    ];
    await restore(stage, stage.environments.live, ['--backup', stage.newer.id, ...args]);
    assertLibrary(stage.newer.state, before, await stage.source.capture(), { mode, prefixes });
  },
  'one component': async (stage) => {
    const { random } = stage.plan;
    const component = random.pick(['database', 'documents']);
    const before = await damageLibrary(stage);
    const live = await captureState(stage.world.source, names(stage), { place: stage.source, busy: false });
    await dropKept(
      stage,
      await restore(stage, stage.environments.live, ['--backup', stage.newer.id, '--components', component]),
    );
    const found = await stage.source.capture();
    if (component === 'database') {
      await assertDatabases(stage, stage.newer);
      assertLibrary(live, [], found, { mode: 'merge', prefixes: [] });
    } else {
      for (const name of names(stage)) assertDatabase(live, name, await captureAt(stage.world.source, name), {});
      assertLibrary(stage.newer.state, before, found, { mode: 'merge', prefixes: [] });
    }
  },
  'other roles': (stage) => toOtherRoles(stage, false),
  'superuser for a role': (stage) => toOtherRoles(stage, true),
};

/** Prefixes travel as arguments: whole letters, no braces, no control characters. */
const startOf = (key: string, letters: number): string => {
  const start = Array.from(key).slice(0, letters).join('');
  return /[\u0000-\u001f\u007f{}]/u.test(start) || start === '' ? 'k' : start;
};

export const runRestore = (stage: Stage, form: RestoreForm): Promise<void> => forms[form](stage);
