import { anyOf, begins, http, type Row } from './points.ts';
import type { VerifySetting } from './verify-case.ts';

const folder: VerifySetting = { from: 'folder' };
const bucket: VerifySetting = { from: 'bucket' };

const dump = /\/database\/(app|hr)\..*\.dump\.zst(\?|$)/;

export const verifyRows: readonly Row<VerifySetting>[] = [
  { stratum: 'pg_restore', settings: [bucket], spot: http('GET', dump, 2), sides: ['mid'], victims: ['pg_restore'] },
  { stratum: 'zstd', settings: [bucket], spot: http('GET', dump, 2), sides: ['mid'], victims: ['zstd'] },
  {
    stratum: 'dump: step, runner, tree',
    settings: [bucket],
    spot: http('GET', dump, 2),
    sides: ['mid', 'before'],
    victims: anyOf('verify-backup'),
  },
  {
    stratum: 'object',
    settings: [bucket],
    spot: http('GET', /\/objects\//, 12),
    sides: ['mid', 'before'],
    victims: anyOf('verify-backup'),
  },
  {
    stratum: 'manifest',
    settings: [bucket],
    spot: http('GET', /\/manifest\.json(\?|$)/),
    sides: ['mid', 'before'],
    victims: ['tree', 'runner'],
  },
  {
    stratum: 'inventory',
    settings: [bucket],
    spot: http('GET', /\/inventory\//),
    sides: ['mid', 'before'],
    victims: anyOf('verify-backup'),
  },
  {
    stratum: 'in a folder: pg_restore',
    settings: [folder],
    spot: begins('pg_restore'),
    sides: ['told'],
    victims: ['pg_restore'],
    delay: 4,
  },
  {
    stratum: 'in a folder: zstd',
    settings: [folder],
    spot: begins('zstd'),
    sides: ['told'],
    victims: ['zstd'],
    delay: 2,
  },
  {
    stratum: 'step verify-backup',
    settings: [folder, bucket],
    spot: begins('verify-backup'),
    sides: ['told'],
    victims: anyOf('verify-backup'),
    delay: 250,
  },
];
