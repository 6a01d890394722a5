import { golden, type Seed, unit } from './seed.ts';

/** Who may do what, what is handed to programs, what others hand us. */
export const securitySeeds: readonly Seed[] = [
  {
    breaks: 'the controller may read Secrets',
    file: 'dist/controller.yaml',
    find: '      - events\n    verbs:\n',
    replace: '      - events\n      - secrets\n    verbs:\n      - get\n',
    test: golden('rbac', 'permissions, verb by verb > of the controller are those of the table and no other'),
  },
  {
    breaks: 'Argo’s own container may gain rights',
    file: 'dist/templates/lc2-backup.yaml',
    find: '"name":"wait","securityContext":{"allowPrivilegeEscalation":false',
    replace: '"name":"wait","securityContext":{"allowPrivilegeEscalation":true',
    test: golden('pods', 'every pod > is restricted: steps, what Argo adds, and the controller'),
  },
  {
    breaks: 'a program is started by a shell',
    file: 'steps/runtime/children.ts',
    find: 'const child = spawn(command, args, {',
    replace: 'const child = spawn(command, args, { shell: true,',
    test: golden('sources', 'sources > start no program by a shell, and only those that are known'),
  },
  {
    breaks: 'psql is given a script that leaves commands to it',
    file: 'steps/engines/postgresql/script.ts',
    find: '!start.includes(restriction)',
    replace: 'start.includes(restriction) && head.byteLength < 0',
    test: unit('postgresql-text', 'a script for psql > that leaves commands to psql is refused before its first line'),
  },
  {
    breaks: 'the API server takes what the controller refuses',
    file: 'core/api/restore-request.ts',
    find: "rule: 'has(self.id) != self.latest',",
    replace: "rule: 'true',",
    test: unit('bad-requests', 'what zod takes is what the schema of the API server takes, over 5,000 objects'),
  },
  {
    breaks: 'keys of labels hold tags',
    file: 'core/api/common.ts',
    find: '/^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$/',
    replace: '/^.*$/',
    test: unit('bad-requests', 'keys of labels in scheduling hold no tags'),
  },
  {
    breaks: 'a restore writes into the place of backups',
    file: 'steps/preview.ts',
    find: '  if (!within) return;\n',
    replace: '  if (within !== null) return;\n',
    test: unit('restore-steps', 'nothing is written > into a store that holds the backups, or lies within them'),
  },
  {
    breaks: 'a database goes live beside objects that were not restored',
    file: 'steps/commit.ts',
    find: 'run.plan.stores.length > 0 ? await restoredStores(context, run) : []',
    replace: 'run.plan.stores.length > 99 ? await restoredStores(context, run) : []',
    test: unit('restore-steps', 'nothing is written > live when the backup is deleted between preview and load'),
  },
  {
    breaks: 'an outage in mid-run is taken for a wrong address',
    file: 'steps/runtime/run-step.ts',
    find: 'retries > 0 || flow.steps.some(',
    replace: 'retries > 99 || flow.steps.some(',
    test: unit('run-step', 'a step > that cannot reach what an earlier one reached is tried again'),
  },
  {
    breaks: 'a backup of nothing is sealed',
    file: 'steps/catch-up.ts',
    find: 'if (objects > 0 || excluded === 0) return;',
    replace: 'if (objects >= 0 || excluded === 0) return;',
    test: unit('backup-steps', 'no seal > over a store whose rules leave out every object'),
  },
  {
    breaks: 'an inventory that is a bomb is a defect of ours',
    file: 'steps/runtime/inventory-io.ts',
    find: '{ maxOutputLength: unpackedLimit }',
    replace: '{ maxOutputLength: 8 * unpackedLimit }',
    test: unit('inventory-io', 'inventories > that unpack to more than any that is written are damage, and named'),
  },
  {
    breaks: 'restores of requests with long names are taken for one',
    file: 'core/plan/requests.ts',
    find: '{ name, namespace, wish:',
    replace: '{ namespace, wish:',
    test: unit('controller/long-names', 'names that share their first 200 characters stay apart'),
  },
];
