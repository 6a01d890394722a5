import { component, contract, type Seed, unit } from './seed.ts';

const past = (cloud: 's3' | 'gs', name: string) => contract('past', `the past of a store: ${cloud} > ${name}`);
const run = (name: string) => component('at-point', `a bucket with versions in s3 > ${name}`);
const asItWas = 'is backed up as it was at the point, although all of it changes before the first listing';

/** Objects as they were when the points of the databases were taken. */
export const atPointSeeds: readonly Seed[] = [
  {
    breaks: 'a version that came after the point counts',
    file: 'core/plan/at-point.ts',
    find: 'since <= last && ',
    replace: '',
    test: past('gs', 'is what was current at a moment, and nothing else'),
  },
  {
    breaks: 'a version that was gone before the run counts',
    file: 'core/plan/at-point.ts',
    find: ' && until >= first',
    replace: '',
    test: past('s3', 'is what was current at a moment, and nothing else'),
  },
  {
    breaks: 'the clock of storage is taken for that of the object store',
    file: 'core/plan/at-point.ts',
    find: 'const now = Date.parse(source);',
    replace: 'const now = Date.parse(after);',
    test: unit('at-point', 'the span of the points > holds begin and points whatever the clocks show, and little more'),
  },
  {
    breaks: 'the second that a clock hides is forgotten',
    file: 'core/plan/at-point.ts',
    find: 'const slack = 2000;',
    replace: 'const slack = 0;',
    test: unit('at-point', 'the span of the points > holds begin and points whatever the clocks show, and little more'),
  },
  {
    breaks: 'a deletion does not end a version of S3',
    file: 'steps/stores/s3-past.ts',
    find: '    ...(page.DeleteMarkers ?? []).map((marker) => entryOf(marker)),\n',
    replace: '',
    test: past('s3', 'is what was current at a moment, and nothing else'),
  },
  {
    breaks: 'versions of one key on two pages are two objects',
    file: 'steps/stores/create-past.ts',
    find: '      if (best !== undefined && best.info.key !== version.info.key) picked.push(best);',
    replace: '      if (best !== undefined && best.since !== version.since) picked.push(best);',
    test: past('gs', 'is of each key the newest that was current at any moment of a span'),
  },
  {
    breaks: 'an old version is read by its key alone',
    file: 'steps/stores/s3.ts',
    find: '({ context, key, bodies, id, ...options })',
    replace: '({ context, key, bodies, ...options, ...(id === undefined && { id }) })',
    test: past('s3', 'is what was current at a moment, and nothing else'),
  },
  {
    breaks: 'what was deleted after the point is not looked for',
    file: 'steps/catch-up.ts',
    find: 'itemsOf(task, past ?? source, findings)',
    replace: 'itemsOf(task, source, findings)',
    test: run(asItWas),
  },
  {
    breaks: 'what was deleted after the point is not copied out of the past',
    file: 'steps/runtime/object-copier.ts',
    find: '(task.rescuer ?? task.mover)',
    replace: 'task.mover',
    test: run(asItWas),
  },
  {
    breaks: 'objects are taken as they were when they are listed',
    file: 'steps/runtime/past.ts',
    find: 'return dumped?.pointsBy ?? timeOf(',
    replace: 'return dumped ? storage.time() : timeOf(',
    test: run(asItWas),
  },
  {
    breaks: 'a bucket without versions is found out after everything was copied',
    file: 'steps/transfer.ts',
    find: 'if (isAtPoint(run, store)) await requirePast(source);',
    replace: 'if (isAtPoint(run, store) && store.name === "") await requirePast(source);',
    test: run('must keep them: check and a backup say so before anything is copied'),
  },
];
