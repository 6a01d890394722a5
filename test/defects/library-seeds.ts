import { campaign, component, type Seed, unit } from './seed.ts';

const properties = ['--kinds', 'properties', '--restores', 'dropped before'];
const narrow = ['--seed', '44', '--count', '1', '--workers', '1'];

/** What a database is, beside its rows, comes back. */
export const librarySeeds: readonly Seed[] = [
  {
    breaks: 'a setting that is a list of names comes back as one name',
    file: 'steps/engines/postgresql/apply-properties.ts',
    find: "? listItems(value).map(quoteText).join(', ')",
    replace: '? quoteText(value)',
    test: campaign('seeds', ...narrow, ...properties),
  },
  {
    breaks: 'grants on a database come back as if its owner had made them all',
    file: 'steps/engines/postgresql/apply-properties.ts',
    find: 'const other = self?.others === true ? grantor : undefined;',
    replace: "const other = grantor === '' ? grantor : undefined;",
    test: campaign('seeds', ...narrow, ...properties),
  },
  {
    breaks: 'rights are granted by several jobs, in whatever order',
    file: 'steps/engines/postgresql/toc.ts',
    find: '/^(DEFAULT )?ACL /, ',
    replace: '',
    test: unit(
      'postgresql-text',
      'the contents of a dump > leave rights, and what needs them, to a single job after all else',
    ),
  },
  {
    breaks: 'views are filled in the style of dates of the database that they are restored into',
    file: 'steps/engines/postgresql/load.ts',
    find: "  datestyle: 'ISO',\n",
    replace: '',
    test: component('database-properties', 'settings of a database do not stop or bend a restore in place'),
  },
  {
    breaks: 'a database has its settings only when its views are filled',
    file: 'steps/engines/postgresql/postgresql.ts',
    find: '      await applyFillSettings(session, into, { shape, reads: readSettings(base) });\n',
    replace: '',
    test: component('database-properties', 'a database that was dropped comes back with them'),
  },
  {
    breaks: 'whoever loads for us reads a dump under the settings of the database',
    file: 'steps/engines/postgresql/apply-properties.ts',
    find: ' && !(setting.name.toLowerCase() in order.reads)',
    replace: '',
    test: component(
      'cloud-sql',
      'what the cloud loads is read without the settings of its database, and views are filled with them',
    ),
  },
  {
    breaks: 'money is written as the locale of the server says',
    file: 'steps/engines/postgresql/dump.ts',
    find: 'toolEnv(point.database, writtenWith)',
    replace: 'toolEnv(point.database)',
    test: component('database-properties', 'money of a locale that the target does not have comes back'),
  },
  {
    breaks: 'names of subscriptions are read where their encoding is another',
    file: 'steps/engines/postgresql/swap.ts',
    find: `const found = await inside.query<{ name: string }>(
      \`SELECT s.subname::text AS name FROM pg_catalog.pg_subscription s
         JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database()\`,
    );`,
    replace:
      "const found = await session.query<{ name: string }>('SELECT subname::text AS name FROM pg_catalog.pg_subscription');",
    test: component('previous', 'what is dropped may have subscriptions, which are not taken from their publishers'),
  },
  {
    breaks: 'settings of roles in a database stay away',
    file: 'steps/engines/postgresql/apply-properties.ts',
    find: 'if (setting.role !== undefined && !(sameEnvironment && roles.has(setting.role))) continue;',
    replace: 'if (setting.role !== undefined) continue;',
    test: campaign('seeds', ...narrow, ...properties),
  },
  {
    breaks: 'large objects are not dumped',
    file: 'steps/engines/postgresql/dump.ts',
    find: "    '--compress=0',\n",
    replace: "    '--compress=0',\n    '--no-blobs',\n",
    test: campaign('seeds', ...narrow, '--kinds', 'large objects', '--restores', 'full'),
  },
  {
    breaks: 'a database with a subscription is never dropped',
    file: 'steps/engines/postgresql/swap.ts',
    find: 'if (!present?.some) return;',
    replace: 'if (present) return;',
    test: campaign('seeds', ...narrow, '--kinds', 'subscriptions', '--restores', 'recreate'),
  },
];
