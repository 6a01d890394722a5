import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitStatus } from '../core/errors.ts';
import { ProgramFailed } from './demo/programs.ts';
import { blank, complain, say, title } from './demo/screen.ts';
import * as stages from './demo/stages.ts';

/** `npm run demo [-- --sabotage]`: backs up, breaks and restores a small application on this machine. */
const readArguments = (): { readonly sabotage: boolean } =>
  parseArgs({ options: { sabotage: { type: 'boolean', default: false } }, strict: true }).values;

const createPlaces = () => {
  const folder = mkdtempSync(join(tmpdir(), 'lc2-demo-'));
  const places = {
    folder,
    documents: join(folder, 'documents'),
    storage: join(folder, 'storage'),
    file: join(folder, 'environment.yaml'),
  };
  for (const each of [places.documents, places.storage]) mkdirSync(each);
  return places;
};

/** Ctrl-C and the like: what runs is told to stop and waited for, then everything is undone. */
const listenForStop = (): AbortController => {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
  return stop;
};

const play = async (stage: stages.Stage, { sabotage }: { readonly sabotage: boolean }): Promise<number> => {
  const application = await stages.prepare(stage);
  await stages.firstBackup(stage);
  const before = await stages.secondBackup(stage, application);
  const damaged = await stages.breakIt(stage, application, before);
  if (sabotage) return stages.sabotage(stage, application, { before, damaged });
  await stages.preview(stage);
  await stages.restore(stage);
  return (await stages.check(stage, application, before)) ? 0 : exitStatus.bug;
};

const report = (thrown: unknown): number => {
  if (thrown instanceof ProgramFailed) {
    complain(`\ndemo: ${thrown.message}`);
    return thrown.status;
  }
  complain(`\ndemo: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  return exitStatus.bug;
};

const main = async (): Promise<number> => {
  const options = readArguments();
  const started = Date.now();
  const { signal } = listenForStop();
  title(`LC2 Backup: the demo${options.sabotage ? ', with sabotage' : ''}`);
  const undo: (() => Promise<void>)[] = [];
  let folder: string | undefined;
  let status: number;
  try {
    await stages.installMissing(signal);
    const places = createPlaces();
    folder = places.folder;
    const stage: stages.Stage = { places, signal, atEnd: (action) => undo.push(action) };
    status = await play(stage, options);
    stages.whereEverythingIs(stage);
    blank();
    say(`${ending(status, options.sabotage)} ${((Date.now() - started) / 1000).toFixed(0)} s.`);
  } catch (thrown) {
    status = signal.aborted ? exitStatus.cancelled : report(thrown);
  } finally {
    for (const action of undo.reverse()) await action();
  }
  if (!signal.aborted) return status;
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  complain('\ndemo: stopped; nothing is left running, and its folder is removed');
  return exitStatus.cancelled;
};

const ending = (status: number, sabotage: boolean): string => {
  if (status === 0) return 'Backed up, broken, restored, and found equal in';
  if (sabotage && status === exitStatus.terminal) return `Ends with exit status ${status}, as it should, after`;
  return `Something is not as it should be (exit status ${status}), after`;
};

process.exitCode = await main();
