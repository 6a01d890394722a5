import { contract, type Seed, unit } from './seed.ts';

/** Snapshots and temporary servers: what is made twice, what is left, and what is taken for good. */
export const rdsSeeds: readonly Seed[] = [
  {
    breaks: 'a snapshot of somebody else is taken for ours',
    file: 'steps/services/rds.ts',
    find: 'return found?.tags.get(tag) === job.description ? found : undefined;',
    replace: 'return found;',
    test: contract('rds', 'jobs of an instance > have names that are not taken from others'),
  },
  {
    breaks: 'what was taken while its answer was lost is a failure',
    file: 'steps/services/rds.ts',
    find: '      if (await find(job)) return undefined;\n',
    replace: '',
    test: contract(
      'rds',
      'jobs of an instance > are found again when the answer was lost, page after page, and are never made twice',
    ),
  },
  {
    breaks: 'only the first page of what there is at RDS is read',
    file: 'steps/services/rds-unit.ts',
    find: '    marker = page.Marker;',
    replace: '    marker = undefined;',
    test: contract(
      'rds',
      'jobs of an instance > are found again when the answer was lost, page after page, and are never made twice',
    ),
  },
  {
    breaks: 'a temporary server that failed is waited for',
    file: 'steps/services/rds.ts',
    find: '        if (bad) throw failed(job, `is ${bad.status}`);\n',
    replace: '',
    test: contract('rds', 'a temporary server > that ends incompatible-restore has failed, and can be removed'),
  },
  {
    breaks: 'a temporary server may cost what it likes',
    file: 'steps/services/rds.ts',
    find: "if (job.kind === 'temporary-server' && Date.now()",
    replace: "if (job.kind === 'snapshot' && Date.now()",
    test: contract('rds', 'a temporary server > that is never available fails at its deadline'),
  },
  {
    breaks: 'a stopped instance is waited for all day',
    file: 'steps/services/rds.ts',
    find: "return broken.test(status) ? error('SERVICE_NOT_READY', `is ${status}`) : [];",
    replace: 'return [];',
    test: contract('rds', 'a snapshot > of a server that is stopped is SERVICE_NOT_READY: .*is stopped'),
  },
  {
    breaks: 'a cluster goes and its instance stays',
    file: 'steps/services/rds-cluster.ts',
    find: "if (member.status !== 'deleting') await deleteInstance(client, member.id);",
    replace: 'void member;',
    test: contract(
      'rds',
      'jobs of a cluster > make a server that holds what the snapshot held, and remove it with all that belongs to it, twice',
    ),
  },
  {
    breaks: 'a snapshot of a cluster is looked for among those of instances',
    file: 'steps/services/rds.ts',
    find: "  if (arn.includes(':cluster-snapshot:')) return clusterUnit;\n",
    replace: '',
    test: contract('rds', 'a snapshot > is deleted as what it is when the environment has changed'),
  },
  {
    breaks: 'a missing permission is not named',
    file: 'steps/services/rds-client.ts',
    find: '?? `rds:${about.action}`',
    replace: "?? 'unknown'",
    test: contract(
      'rds',
      'bad weather > 403 AccessDenied at submission is SERVICE_DENIED: permission rds:CreateDBSnapshot',
    ),
  },
  {
    breaks: 'the sweep takes snapshots of sealed runs along',
    file: 'steps/runtime/sweep.ts',
    find: '      if (++sealed === mostSealed) return;\n      continue;\n',
    replace: '      if (++sealed === mostSealed) return;\n',
    test: unit(
      'temporary-server',
      'what a run leaves at a service > stays when the run is sealed, but for what is named',
    ),
  },
  {
    breaks: 'a server that cannot be deleted yet keeps everything else',
    file: 'steps/runtime/service-leftovers.ts',
    find: '      if (!(error instanceof Lc2Error) || context.signal.aborted) throw error;\n      context.log.warn({ stamp, ...what',
    replace: '      throw error;\n      context.log.warn({ stamp, ...what',
    test: unit(
      'temporary-server',
      'what a run leaves at a service > goes one by one: what cannot be deleted yet keeps nothing else',
    ),
  },
  {
    breaks: 'the snapshot goes with the temporary server',
    file: 'steps/runtime/service-leftovers.ts',
    find: '      if (kind !== undefined && left.kind !== kind) continue;\n',
    replace: '',
    test: unit('temporary-server', 'a temporary server > is removed when its dump has ended, and the snapshot stays'),
  },
  {
    breaks: 'a server that could not be deleted is nobody’s',
    file: 'steps/runtime/temporary-server.ts',
    find: "  if (left === 'none') return;",
    replace: "  if (left !== 'refused') return;",
    test: unit('temporary-server', 'a temporary server > that cannot be removed (busy) fails the step: it costs money'),
  },
  {
    breaks: 'each attempt has the server’s whole time again',
    file: 'steps/runtime/temporary-server.ts',
    find: 'if (context.clock.now().getTime() <= new Date(facts.until).getTime()) return;',
    replace: 'if (context.clock.now().getTime() <= new Date(facts.until).getTime() + 3_600_000) return;',
    test: unit('temporary-server', 'a temporary server > has its time from when it was first asked for'),
  },
  {
    breaks: 'an attempt fails the run because a quicker one has removed the server',
    file: 'steps/dump.ts',
    find: '    await createFence(context, run).check();\n',
    replace: '',
    test: unit(
      'dump-of-a-snapshot',
      'a dump of a snapshot > that loses its server to an attempt which was quicker is that one’s',
    ),
  },
  {
    breaks: 'a dump of a snapshot claims the moment at which it was read',
    file: 'steps/dump.ts',
    find: 'points: output.points.map(({ database }) => ({ database, time }))',
    replace: 'points: output.points',
    test: unit(
      'dump-of-a-snapshot',
      'a dump of a snapshot > reads a server that was made out of it, which is gone then, and has its point',
    ),
  },
  {
    breaks: 'the databases of the service itself are dumped',
    file: 'core/services/index.ts',
    find: '[...spec.ignoreDatabases, ...ownDatabases]',
    replace: '[...spec.ignoreDatabases]',
    test: unit('dump-of-a-snapshot', 'a dump of a snapshot > leaves out what is the service’s own'),
  },
];
