import { campaign, type Seed } from './seed.ts';

/** One row of the fault catalogue, without random lives. */
const row = (begin: string): Seed['test'] => campaign('simulation', '--seed', '1', '--count', '0', '--rows', begin);

/** Guards of the controller: what makes it right whatever the API server, Argo and people do. */
export const simulationSeeds: readonly Seed[] = [
  {
    breaks: 'the name of a run comes from the name of its request',
    file: 'controller/names.ts',
    find: "const mark = uid.replaceAll('-', '').slice(0, 8).toLowerCase();",
    replace: 'const mark = sha256(`${name}${uid.length}`).slice(0, 8);',
    test: row('B4-26'),
  },
  {
    breaks: 'a creation that was answered before is an error',
    file: 'controller/apply.ts',
    find: 'if (existing.requestUid === uid) learn.workflow(existing);',
    replace: 'if (existing.requestUid !== uid) learn.workflow(existing);',
    test: row('B4-5 the answer'),
  },
  {
    breaks: 'a run that could not say whether it sealed is believed',
    file: 'controller/decide-outcome.ts',
    find: "if (request.kind === 'BackupRequest' && mute) return 'unclear';",
    replace:
      "if (request.kind === 'BackupRequest' && mute) return { phase: 'Succeeded', reason: 'Sealed', message: '', facts: {} };",
    test: row('B4-33'),
  },
  {
    breaks: 'a forgotten past is not listed again',
    file: 'controller/watch.ts',
    find: 'if (isGone(error)) version = undefined;',
    replace: '',
    test: row('B4-9'),
  },
  {
    breaks: 'the status is written on every pass',
    file: 'controller/decide.ts',
    find: 'if (sameStatus(before, status)) return [];',
    replace: '',
    test: row('B4-29'),
  },
  {
    breaks: 'a watch that was cut is not resumed',
    file: 'controller/watch.ts',
    find: `        if (stopped.signal.aborted) return;
        if`,
    replace: `        if (!isGone(error)) return;
        if`,
    test: row('B4-8 watches cut'),
  },
  {
    breaks: 'a watch that says nothing is believed to live',
    file: 'controller/watch.ts',
    find: "attempt.abort(new Error('the watch was silent'));",
    replace: '',
    test: row('B4-8 watches half-open'),
  },
  {
    breaks: 'a run may vanish before its request names it',
    file: 'controller/bodies.ts',
    find: "...(plan.flow === 'lc2-verify' ? {} : { finalizers: [finalizer] }),",
    replace: '',
    test: row('B4-13 Workflow created'),
  },
  {
    breaks: 'a run is let go before its request names it',
    file: 'controller/decide.ts',
    find: 'return named ? [...writes, ...releaseWorkflow(workflow)] : writes;',
    replace: 'return named ? [...releaseWorkflow(workflow), ...writes] : writes;',
    test: row('B4-13 Workflow created'),
  },
  {
    breaks: 'a run whose end only storage knows is not named before storage is asked',
    file: 'controller/decide.ts',
    find: 'const status = change(withRun(observed, now), now, {',
    replace: 'const status = change(observed, now, {',
    test: row('B4-13'),
  },
  {
    breaks: 'a run is started upon an old view of its request',
    file: 'controller/apply.ts',
    find: 'if (starts(action) && !isNews) await confirm(subject, signal);',
    replace: '',
    test: row('B4-10'),
  },
  {
    breaks: 'a status is written over what nobody has seen',
    file: 'controller/apply.ts',
    find: 'metadata: { name, namespace, resourceVersion, uid }, status',
    replace: 'metadata: { name, namespace, uid }, status',
    test: row('B4-25 a controller paused'),
  },
  {
    breaks: 'a server that is away is asked as often as one that is there',
    file: 'controller/kube/pace.ts',
    find: 'if (failures < patience) return;',
    replace: 'if (failures >= 0) return;',
    test: row('B4-6'),
  },
  {
    breaks: 'what no event told is missing',
    file: 'controller/controller.ts',
    find: 'const matters = caches.synced() && !isTerminal(status.phase);',
    replace: "const matters = status.phase === 'Succeeded';",
    test: row('B4-11 every event dropped'),
  },
  {
    breaks: 'a clock that is set ends the wait for an environment',
    file: 'controller/decide.ts',
    find: 'const left = patience.environmentMs - observed.sinceSeenMs;',
    replace: 'const left = patience.environmentMs - (now.getTime() - Date.parse(observed.request.createdAt));',
    test: row('B4-24'),
  },
  {
    breaks: 'two controllers that see differently answer each other without a pause',
    file: 'controller/decide.ts',
    find: `!hasEnded(workflow) &&
  conditionOf(request.status.conditions, 'Progressing')?.reason === 'Verifying';`,
    replace: 'hasEnded(workflow) && false;',
    test: row('B4-25 two controllers, and one learns late: freeze'),
  },
  {
    breaks: 'an old view of a run is told over a newer one',
    file: 'controller/decide.ts',
    find: 'stages.indexOf(told.reason) > stages.indexOf(seen.reason) ? told : seen',
    replace: 'stages.indexOf(told.reason) > stages.length ? told : seen',
    test: row('B4-25 two controllers, and one learns late: freeze'),
  },
  {
    breaks: 'two tell of different beginnings of a run that was made again by hand',
    file: 'controller/decide.ts',
    find: 'request.status.startedAt ?? workflow.startedAt',
    replace: 'workflow.startedAt',
    test: row('B4-25 two controllers, and one learns late: freeze'),
  },
  {
    breaks: 'an end is told twice when two see it differently',
    file: 'controller/bodies.ts',
    find: 'sha256(`${about.uid} ${event.about}`)',
    replace: 'sha256(`${about.uid} ${event.reason} ${event.message}`)',
    test: row('B4-25 two controllers, and one learns late: late'),
  },
  {
    breaks: 'the finalizer of a request stays where a controller died before it took it away',
    file: 'controller/decide.ts',
    find: 'if (isTerminal(request.status.phase)) return release(observed);',
    replace: 'if (isTerminal(request.status.phase)) return [];',
    test: row('B4-3 '),
  },
];
