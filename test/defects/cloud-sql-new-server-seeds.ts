import { component, contract, type Seed } from './seed.ts';

const file = 'steps/services/cloud-sql-new-server.ts';
const shape = 'steps/services/cloud-sql-shape.ts';
const test = (name: string) => contract('cloud-sql-new-server', name);

/** New servers of Cloud SQL: two pieces of work, a label, and names that are kept. */
export const cloudSqlNewServerSeeds: readonly Seed[] = [
  {
    breaks: 'an instance that runs is taken for restored',
    file,
    find: "    if (found.state !== 'RUNNABLE') return false;\n",
    replace: "    return found.state === 'RUNNABLE';\n",
    test: test('a new server > that runs is not restored yet'),
  },
  {
    breaks: 'the restore of an earlier instance of the same name counts',
    file,
    find: ' && timeOf(operation.insertTime) >= timeOf(createTime)',
    replace: '',
    test: test('a new server > is not what an earlier one of its name was restored to'),
  },
  {
    breaks: 'a restore that has failed is asked for again',
    file,
    find: '!isInterruption(failure) || restores',
    replace: 'restores',
    test: test('a new server fails > where RESTORE_VOLUME is done with an error'),
  },
  {
    breaks: 'a restore that Google has lost costs the name',
    file,
    find: 'const mostRestores = 3;',
    replace: 'const mostRestores = 1;',
    test: test('a new server fails > where Google has lost its restore three times, and not before'),
  },
  {
    breaks: 'a name that Google keeps is said to be an instance',
    file,
    find: '      if (!standing) throw keptError(job, error);\n',
    replace: '',
    test: test('the name of a new server > that Google keeps of a deleted one is refused, and says so'),
  },
  {
    breaks: 'the instance of others is restored into',
    file,
    find: 'return labelOf(found) === labelFor(job) ? found : undefined;',
    replace: 'return found;',
    test: test('the name of a new server > that another has is refused, which is not touched'),
  },
  {
    breaks: 'an instance without our label is deleted',
    file,
    find: ' || !ours.test(labelOf(found))',
    replace: '',
    test: test('the name of a new server > that another has is refused, which is not touched'),
  },
  {
    breaks: 'a backup of another project is asked for',
    file,
    find: 'backupNames.exec(name)?.[1] !== project',
    replace: '!backupNames.test(name)',
    test: test('a new server fails > without its snapshot, whole and there'),
  },
  {
    breaks: 'Google is told what Google says',
    file: shape,
    find: 'outputs.has(name) ? []',
    replace: "name === '' ? []",
    test: test('a new server > is as the live one is, but that it runs and can be deleted'),
  },
  {
    breaks: 'a new instance has the disk of the live one, whatever the backup needs',
    file: shape,
    find: 'const size = Math.max(...sizes);',
    replace: 'const [size = 0] = sizes;',
    test: test('a new server > is as the live one is, but that it runs and can be deleted'),
  },
  {
    breaks: 'a new instance is protected before it is anybody’s',
    file: shape,
    find: '      deletionProtectionEnabled: false,\n',
    replace: '',
    test: test('a new server > has its name and what the snapshot holds, and goes when it is removed, twice'),
  },
  {
    breaks: 'a new instance is always reached by its private address',
    file: shape,
    find: 'const wanted = used ?? (',
    replace: 'const wanted = (',
    test: test('a new server > is reached as the live one is: its public address'),
  },
  {
    breaks: 'all instances are trusted by the authority of the live one',
    file: 'steps/runtime/new-server.ts',
    find: '  if (own === undefined) return context;\n',
    replace: '  if (own !== given) return context;\n',
    test: component(
      'new-server-cloud-sql',
      'a new server has what the snapshot has, beside a live one that stays as it is',
    ),
  },
];
