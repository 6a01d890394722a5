import type { RestoreSetting } from './restore-case.ts';
import { anyOf, around, begins, copy, files, http, type Row, sql, swapCommit } from './points.ts';

const swap: RestoreSetting = { from: 'bucket', databases: ['app'], mode: 'swap' };
const both: RestoreSetting = { from: 'folder', databases: ['app', 'hr'], mode: 'swap', objects: 'merge' };
const inPlace: RestoreSetting = { from: 'bucket', databases: ['app'], mode: 'in-place' };
const recreate: RestoreSetting = { from: 'folder', databases: ['app', 'hr'], mode: 'recreate' };
const mirrorFolder: RestoreSetting = { from: 'folder', databases: ['app'], mode: 'swap', objects: 'mirror' };
const mirrorBucket: RestoreSetting = {
  from: 'bucket',
  databases: ['hr'],
  mode: 'swap',
  objects: 'mirror',
  mover: 'copy',
};
const mergeStream: RestoreSetting = { from: 'bucket', databases: [], mode: 'swap', objects: 'merge', mover: 'stream' };
const mergeCopy: RestoreSetting = { ...mergeStream, mover: 'copy' };
/** Names differ between storage and store, which rclone cannot do: what it does not take is streamed. */
const mergeRclone: RestoreSetting = { ...mergeStream, mover: 'rclone' };

const loaded = 1_200_000;
/** Of objects into the live bucket; the storage's own records are elsewhere. */
const liveObject = /\/w\d+-live-bucket\/.+/;

export const restoreRows: readonly Row<RestoreSetting>[] = [
  {
    stratum: 'swap of two: commit',
    settings: [both, recreate],
    spot: swapCommit,
    sides: around,
    victims: [...anyOf('commit'), 'backend'],
  },
  {
    stratum: 'in place: commit',
    settings: [inPlace],
    spot: sql(/^COMMIT/),
    sides: around,
    victims: [...anyOf('load-database'), 'pg_restore', 'backend'],
  },
  {
    stratum: 'load: pg_restore',
    settings: [swap, both, recreate],
    spot: copy('in', loaded),
    sides: ['before'],
    victims: ['pg_restore'],
  },
  {
    stratum: 'mirror: deletions in a bucket',
    settings: [mirrorBucket],
    spot: http('POST', /\?delete/),
    sides: around,
    victims: anyOf('commit'),
  },
  {
    stratum: 'load in place',
    settings: [inPlace],
    spot: copy('in', loaded),
    sides: ['before'],
    victims: [...anyOf('load-database'), 'pg_restore', 'backend'],
  },
  {
    stratum: 'recreate: drop',
    settings: [recreate],
    spot: sql(/^DROP DATABASE IF EXISTS ".*_before_/, 2),
    sides: around,
    victims: [...anyOf('commit'), 'backend'],
  },
  {
    stratum: 'done marker',
    settings: [swap, mirrorBucket],
    spot: http('PUT', /\/restores\/[^/]+\.json(\?|$)/),
    sides: [...around, 'mid', 'late'],
    victims: anyOf('commit'),
  },
  {
    stratum: 'object',
    settings: [mergeCopy, mergeStream, mergeRclone, mirrorBucket],
    spot: http('PUT', liveObject, 6),
    sides: [...around, 'mid'],
    victims: anyOf('restore-objects'),
  },
  {
    stratum: 'load: backend',
    settings: [swap, both],
    spot: copy('in', loaded),
    sides: ['before'],
    victims: ['backend'],
  },
  {
    stratum: 'load: step, runner, tree',
    settings: [swap, both, recreate],
    spot: copy('in', loaded),
    sides: ['before'],
    victims: anyOf('load-database'),
  },
  {
    stratum: 'swap: renames',
    settings: [both, swap],
    spot: sql(/^ALTER DATABASE .* RENAME/, 2),
    sides: ['before', 'answered'],
    victims: [...anyOf('commit'), 'backend'],
  },
  {
    stratum: 'load: zstd',
    // Reading has ended before loading begins; before that the preview reads.
    settings: [swap, inPlace],
    spot: () => ({ at: 'http', method: 'GET', path: /\/database\/app\..*\.dump\.zst(\?|$)/, nth: 2 }),
    sides: ['mid'],
    victims: ['zstd'],
  },
  {
    stratum: 'temporary database: made',
    settings: [swap, both],
    spot: sql(/^CREATE DATABASE/),
    sides: around,
    victims: [...anyOf('load-database'), 'backend'],
  },
  {
    stratum: 'temporary database: marked',
    settings: [swap, both],
    spot: sql(/^COMMENT ON DATABASE ".*_restore_/),
    sides: ['before', 'answered'],
    victims: [...anyOf('load-database'), 'backend'],
  },
  {
    stratum: 'mirror: deletions in a folder',
    settings: [mirrorFolder],
    spot: swapCommit,
    sides: ['told'],
    victims: anyOf('commit'),
    delay: 25,
  },
  {
    stratum: 'record of load',
    settings: [swap],
    spot: http('PUT', /\/restores\/.*\/load-database\.json(\?|$)/),
    sides: [...around, 'late'],
    victims: anyOf('load-database'),
  },
  {
    stratum: 'record of objects',
    settings: [mergeCopy, mirrorBucket],
    spot: http('PUT', /\/restores\/.*\/restore-objects\.json(\?|$)/),
    sides: [...around, 'late'],
    victims: anyOf('restore-objects'),
  },
  {
    stratum: 'record of commit',
    settings: [swap, inPlace],
    spot: http('PUT', /\/restores\/.*\/commit\.json(\?|$)/),
    sides: [...around, 'late'],
    victims: anyOf('commit'),
  },
  {
    stratum: 'swap: begin and lock',
    settings: [both],
    spot: sql(/^LOCK TABLE/),
    sides: ['before', 'answered'],
    victims: [...anyOf('commit'), 'backend'],
  },
  {
    stratum: 'statistics',
    settings: [swap],
    spot: sql(/^ANALYZE/),
    sides: ['before', 'answered'],
    victims: [...anyOf('load-database'), 'backend'],
  },
  {
    stratum: 'objects in a folder',
    settings: [both, mirrorFolder],
    spot: begins('restore-objects'),
    sides: ['told'],
    victims: anyOf('restore-objects'),
    delay: 250,
  },
  {
    stratum: 'record of preview in a folder',
    settings: [recreate],
    spot: files((names) => names.some((name) => name.endsWith('/preview.json'))),
    sides: ['told'],
    victims: ['tree', 'runner'],
    delay: 30,
  },
  ...(['preview', 'load-database', 'commit', 'verify-restore'] as const).map((step) => ({
    stratum: `step ${step}`,
    settings: [both, swap],
    spot: begins(step),
    sides: ['told'] as const,
    victims: anyOf(step),
    delay: 200,
  })),
];
