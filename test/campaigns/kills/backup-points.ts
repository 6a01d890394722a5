import type { BackupScene } from './backup-case.ts';
import { anyOf, around, begins, byRclone, copy, files, http, type Row, sql } from './points.ts';

interface Setting {
  readonly scene: BackupScene;
  readonly full?: boolean;
}

const folder: Setting = { scene: 'folder' };
const bucket: Setting = { scene: 'bucket' };
const copied: Setting = { scene: 'copy' };
const rclone: Setting = { scene: 'rclone', full: true };
const large: Setting = { scene: 'large' };

const inRoot = /^\.lc2-tmp-/;
const dumped = 1_200_000;

export const backupRows: readonly Row<Setting>[] = [
  {
    stratum: 'seal',
    settings: [bucket, copied],
    spot: http('PUT', /\/manifest\.json(\?|$)/),
    sides: [...around, 'mid', 'late'],
    victims: anyOf('manifest'),
  },
  {
    stratum: 'dump: pg_dump',
    settings: [folder, bucket],
    spot: copy('out', dumped),
    sides: ['before'],
    victims: ['pg_dump'],
  },
  {
    stratum: 'dump: zstd',
    settings: [folder, bucket],
    spot: copy('out', dumped),
    sides: ['before'],
    victims: ['zstd'],
  },
  {
    stratum: 'dump: backend',
    settings: [folder, bucket],
    spot: copy('out', dumped),
    sides: ['before'],
    victims: ['backend'],
  },
  {
    stratum: 'upload of parts: end',
    settings: [large],
    spot: http('POST', /[?&]uploadId=/),
    sides: [...around, 'late'],
    victims: anyOf('dump'),
  },
  {
    stratum: 'copy of parts: end',
    settings: [{ ...copied, full: true }],
    spot: http('POST', /[?&]uploadId=/),
    sides: [...around, 'late'],
    victims: anyOf('transfer'),
  },
  {
    stratum: 'verify: pg_restore',
    settings: [bucket],
    spot: http('GET', /\/database\/shop\..*\.dump\.zst(\?|$)/),
    sides: ['mid'],
    victims: ['pg_restore'],
  },
  {
    stratum: 'claim',
    settings: [bucket, copied],
    spot: http('PUT', /\/run\.json(\?|$)/),
    sides: [...around, 'mid', 'late'],
    victims: anyOf('dump'),
  },
  {
    stratum: 'rclone',
    settings: [rclone],
    spot: byRclone('PUT', /\/objects\//, 12),
    sides: ['before', 'mid', 'answered'],
    victims: ['rclone', 'transfer', 'tree', 'runner'],
  },
  {
    stratum: 'dump: step, runner, tree',
    settings: [folder, bucket],
    spot: copy('out', dumped),
    sides: ['before'],
    victims: anyOf('dump'),
  },
  {
    stratum: 'seal in a folder',
    settings: [folder],
    spot: files((names) => names.includes('steps/verify.json') && names.some((name) => inRoot.test(name))),
    sides: ['told'],
    victims: anyOf('manifest'),
    delay: 1,
  },
  {
    stratum: 'record of dump',
    settings: [bucket, copied],
    spot: http('PUT', /\/steps\/dump\.json(\?|$)/),
    sides: [...around, 'mid', 'late'],
    victims: anyOf('dump'),
  },
  {
    stratum: 'object',
    settings: [bucket, { ...bucket, full: true }, { ...copied, full: true }],
    spot: http('PUT', /\/objects\//, 4),
    sides: [...around, 'mid'],
    victims: anyOf('transfer'),
  },
  {
    stratum: 'record of transfer',
    settings: [bucket, copied],
    spot: http('PUT', /\/steps\/transfer\.json(\?|$)/),
    sides: [...around, 'late'],
    victims: anyOf('transfer'),
  },
  {
    stratum: 'verify: zstd',
    settings: [bucket],
    spot: http('GET', /\.dump\.zst(\?|$)/),
    sides: ['mid'],
    victims: ['zstd'],
  },
  {
    stratum: 'verify: step, runner, tree',
    settings: [bucket],
    spot: http('GET', /\/database\/.*\.zst(\?|$)/, 3),
    sides: ['mid', 'before'],
    victims: anyOf('verify'),
  },
  {
    stratum: 'dump, stored',
    settings: [bucket],
    spot: http('PUT', /\.dump\.zst(\?|$)/, 2),
    sides: [...around, 'mid'],
    victims: anyOf('dump'),
  },
  {
    stratum: 'record of catch-up',
    settings: [bucket, copied],
    spot: http('PUT', /\/steps\/catch-up\.json(\?|$)/),
    sides: [...around, 'late'],
    victims: anyOf('catch-up'),
  },
  {
    stratum: 'record of verify',
    settings: [bucket, copied],
    spot: http('PUT', /\/steps\/verify\.json(\?|$)/),
    sides: around,
    victims: anyOf('verify'),
  },
  {
    stratum: 'inventory',
    settings: [bucket, copied],
    spot: http('PUT', /\/(steps|inventory)\/.*\.ndjson\.zst(\?|$)/, 2),
    sides: [...around, 'mid'],
    victims: ['tree', 'runner'],
  },
  {
    stratum: 'upload of parts: begin and parts',
    settings: [large],
    spot: http('PUT', /[?&]partNumber=/, 2),
    sides: [...around, 'mid'],
    victims: anyOf('dump'),
  },
  {
    stratum: 'copy of parts',
    settings: [{ ...copied, full: true }],
    spot: http('PUT', /[?&]partNumber=/, 2),
    sides: around,
    victims: anyOf('transfer'),
  },
  {
    stratum: 'claim in a folder',
    settings: [folder],
    spot: files((names) => names.some((name) => inRoot.test(name)) || names.includes('run.json')),
    sides: ['told'],
    victims: anyOf('dump'),
    delay: 50,
  },
  {
    stratum: 'dump in a folder',
    settings: [folder],
    spot: files((names) => names.some((name) => name.endsWith('.dump.zst'))),
    sides: ['told'],
    victims: anyOf('dump'),
    delay: 30,
  },
  {
    stratum: 'objects in a folder',
    settings: [folder, { ...folder, full: true }],
    spot: files((names) => names.some((name) => /^objects\/.*\.bin$/.test(name))),
    sides: ['told'],
    victims: anyOf('transfer'),
    delay: 20,
  },
  {
    stratum: 'snapshot: backend',
    settings: [bucket],
    spot: sql(/pg_export_snapshot/),
    sides: ['before', 'answered'],
    victims: ['backend', 'dump'],
  },
  {
    stratum: 'globals: pg_dumpall',
    settings: [folder],
    spot: begins('pg_dumpall'),
    sides: ['told'],
    victims: ['pg_dumpall'],
    delay: 10,
  },
  {
    stratum: 'verify in a folder: pg_restore',
    settings: [folder],
    spot: begins('pg_restore'),
    sides: ['told'],
    victims: ['pg_restore'],
    delay: 4,
  },
  {
    stratum: 'verify in a folder: zstd',
    settings: [folder],
    spot: begins('pg_restore'),
    sides: ['told'],
    victims: ['zstd'],
    delay: 2,
  },
  ...(['dump', 'transfer', 'catch-up', 'verify', 'manifest'] as const).map((step) => ({
    stratum: `step ${step}`,
    settings: [folder, bucket],
    spot: begins(step),
    sides: ['told'] as const,
    victims: anyOf(step),
    delay: 180,
  })),
];
