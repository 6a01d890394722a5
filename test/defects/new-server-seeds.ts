import { component, contract, type Seed, unit } from './seed.ts';

/** New servers: whose they are, what they are made of, and that nothing of others is touched. */
export const newServerSeeds: readonly Seed[] = [
  {
    breaks: 'a taken name is a failure of the cloud',
    file: 'steps/services/rds.ts',
    find: "      if (job.kind === 'new-server') return takenError(job.name, error);\n",
    replace: '',
    test: contract(
      'rds-new-server',
      'a new server out of a snapshot of an instance > is refused where another has its name, which is not touched',
    ),
  },
  {
    breaks: 'a new server waits for the instance of another cluster',
    file: 'steps/services/rds-cluster.ts',
    find: '      if (DBClusterIdentifier !== id) throw error;\n',
    replace: '      void DBClusterIdentifier;\n',
    test: contract(
      'rds-new-server',
      'a new server > of a cluster needs a free name for its first instance, and takes nobody’s',
    ),
  },
  {
    breaks: 'a new server is as small as those for dumps',
    file: 'steps/services/rds.ts',
    find: 'class: source.class, parameterGroup: source.parameterGroup, backups: true',
    replace: 'class: spec.temporary.class, parameterGroup: source.parameterGroup, backups: true',
    test: contract(
      'rds-new-server',
      'a new server out of a snapshot of an instance > is as the live one is, but for the network that the environment says',
    ),
  },
  {
    breaks: 'a new server needs a live one that works',
    file: 'steps/services/rds.ts',
    find: "problems.filter(({ code }) => code !== 'SERVICE_NOT_READY')",
    replace: 'problems',
    test: contract(
      'rds-new-server',
      'a new server out of a snapshot of a cluster > is made though the live server stands still',
    ),
  },
  {
    breaks: 'a snapshot of another account is taken for ours',
    file: 'steps/services/rds.ts',
    find: 'if (found?.arn !== snapshotId)',
    replace: 'if (!found)',
    test: contract(
      'rds-new-server',
      'a new server out of a snapshot of an instance > needs its snapshot, whole and there',
    ),
  },
  {
    breaks: 'the cleaner removes a new server that was committed',
    file: 'steps/runtime/new-server.ts',
    find: '  if (done?.runUid === context.runUid) return;\n',
    replace: '  void done;\n',
    test: unit('new-server', 'the server of a restore that fails > stays from the commit on'),
  },
  {
    breaks: 'the cleaner leaves the new server of a restore that failed',
    file: 'steps/runtime/new-server.ts',
    find: '    await service.remove({ kind: job.kind, id });\n',
    replace: '',
    test: unit('new-server', 'the server of a restore that fails > goes, as soon as it can be removed'),
  },
  {
    breaks: 'who wakes up after the cleaner makes a new server',
    file: 'steps/runtime/new-server.ts',
    find: '    mayStart: () => assertNotEnded(context, run),\n',
    replace: '    mayStart: () => Promise.resolve(),\n',
    test: unit('new-server', 'the server of a restore that fails > is made by nobody who wakes up after the cleaner'),
  },
  {
    breaks: 'a new server that was removed is committed',
    file: 'steps/commit.ts',
    find: '    if (loaded?.newServer) await assertNotEnded(context, run);\n',
    replace: '',
    test: unit('new-server', 'the server of a restore that fails > is committed by nobody after the cleaner'),
  },
  {
    breaks: 'a new server is what the cloud says it is',
    file: 'steps/runtime/new-server.ts',
    find: '      if (comparable)\n',
    replace: '      if (comparable && tables === undefined)\n',
    test: unit('new-server', 'a restore into a new server > compares what is on it with the backup'),
  },
  {
    breaks: 'a copy that people made of a new server is removed for it',
    file: 'steps/services/azure-flexible-server.ts',
    find: 'if (newServers.exec(description)?.[1] === name) await',
    replace: 'if (newServers.test(description)) await',
    test: contract('azure-new-server', 'a copy that people made of a new server is not removed, though it has its tag'),
  },
  {
    breaks: 'a name that somebody else in the world has is waited for',
    file: 'steps/services/azure-flexible-server.ts',
    find: 'error.what.startsWith(nameExists)',
    replace: 'error.what === nameExists',
    test: contract('azure-new-server', 'a new server is refused where another has its name, which is not touched'),
  },
  {
    breaks: 'a time that Azure knows no more is found out when it is asked for',
    file: 'steps/services/azure-flexible-server.ts',
    find: "      problems.push({ code: 'SNAPSHOT_MISSING',",
    replace: "      void ({ code: 'SNAPSHOT_MISSING',",
    test: contract('azure-new-server', 'a new server is of a time that Azure still knows'),
  },
  {
    breaks: 'a new server is made of whatever server there is',
    file: 'steps/runtime/new-server.ts',
    find: "if (from === 'time' && backedUp !== service.identity)",
    replace: "if (from === 'time' && backedUp === undefined)",
    test: component(
      'new-server-azure',
      'a new server is refused for a backup of another server, before anything is done',
    ),
  },
];
