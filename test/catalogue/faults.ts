import { component, contract, e2e, ofEveryMover, ofEveryStore, type Row, simulation, unit } from './row.ts';

const faults = (what: string) => component('controller/faults', what);
const endings = (what: string) => component('controller/endings', what);
const outages = (what: string) => component('outages', what);

/** What can go wrong around us: a run succeeds and can be restored, fails with a reason and leaves nothing, or is still trying. */
export const faultRows: readonly Row[] = [
  {
    row: 1,
    input: 'the controller dies before it creates the Workflow',
    promise: 'exactly one Workflow after its restart',
    proofs: [
      component('controller/kill', 'whenever it is killed, the end is that of an undisturbed life, with one Workflow'),
      simulation('B4-1'),
    ],
  },
  {
    row: 2,
    input: 'it dies after that and before it says so',
    promise: 'the same Workflow is taken on',
    proofs: [
      component('controller/kill', 'whenever it is killed, the end is that of an undisturbed life, with one Workflow'),
      simulation('B4-2'),
    ],
  },
  {
    row: 3,
    input: 'it dies between the last status and the end of its finalizer',
    promise: 'the next one finishes; no request stays for ever',
    proofs: [
      component('controller/kill', 'whenever it is killed, the end is that of an undisturbed life, with one Workflow'),
      simulation('B4-3'),
    ],
  },
  {
    row: 4,
    input: 'it dies before or after any of its calls',
    promise: 'the end is that of an undisturbed life',
    proofs: [simulation('B4-4'), e2e('the controller > may be killed at any moment')],
  },
  {
    row: 5,
    input: 'a write is done and its answer is lost',
    promise: 'nothing happens twice',
    proofs: [faults('calls > a lost answer at every write of a life changes nothing in the end'), simulation('B4-5')],
  },
  {
    row: 6,
    input: 'the API server is away for half a minute',
    promise: 'it is waited for, without a hot loop',
    proofs: [
      faults('calls > an API server that is away for a while is waited for'),
      simulation('B4-6'),
      e2e('the controller > outlives an API server that hangs'),
    ],
  },
  {
    row: 7,
    input: 'the API server is slow, or answers 429 and 504',
    promise: 'later, and else the same',
    proofs: [
      faults('calls > an overloaded server at every write of a life changes nothing in the end'),
      faults('calls > a failing server at every write of a life changes nothing in the end'),
      simulation('B4-7'),
    ],
  },
  {
    row: 8,
    input: 'a watch is cut, or dies silently',
    promise: 'noticed, and nothing missed',
    proofs: [
      faults('watches > a cut is survived without missing what happened meanwhile'),
      faults('watches > a connection that dies silently is noticed'),
      simulation('B4-8'),
    ],
  },
  {
    row: 9,
    input: 'the past is forgotten (410), as an answer and in a stream',
    promise: 'listed again, and nothing repeated',
    proofs: [
      faults('watches > a forgotten past (410) means listing again, and repeats nothing'),
      faults('watches > 410 as the answer to a watch means the same'),
      simulation('B4-9'),
    ],
  },
  {
    row: 10,
    input: 'a list from the past',
    promise: 'nothing is done because of it',
    proofs: [
      component('controller/apply', 'a status decided upon an old version of a request does not replace its end'),
      simulation('B4-10'),
    ],
  },
  {
    row: 11,
    input: 'events that are dropped or merged',
    promise: 'the state decides and not the way to it',
    proofs: [faults('watches > dropped events are made up for by the next list'), simulation('B4-11')],
  },
  {
    row: 12,
    input: 'events twice and out of order',
    promise: 'nothing more is written',
    proofs: [faults('watches > doubled and reordered events write nothing more'), simulation('B4-12')],
  },
  {
    row: 13,
    input: 'a Workflow that is removed by its time to live before its end was seen',
    promise: 'storage is asked; never Succeeded by guess',
    codes: ['RESULT_LOST'],
    proofs: [
      endings('a Workflow that vanished: storage is asked (sealed: *), and the request is *'),
      unit('controller/decide-outcome', 'outcome > gone, storage says no'),
      simulation('B4-13'),
      e2e('the controller > is not needed by argo submit nor by a CronWorkflow, and finds what ended without it'),
    ],
  },
  {
    row: 14,
    input: 'a Workflow that somebody deletes while it runs',
    promise: 'storage is asked, and the request ends with a reason',
    codes: ['RESULT_LOST'],
    proofs: [
      endings('a Workflow that vanished: storage is asked (sealed: *), and the request is *'),
      unit('controller/decide-outcome', 'outcome > a restore whose Workflow vanished'),
      simulation('B4-14'),
      e2e('backups and restores > a request whose Workflow somebody deletes fails, and the next is good'),
    ],
  },
  {
    row: 15,
    input: 'a step that needs more memory than it may have (137)',
    promise: 'named as such and not tried again: it would need as much again',
    proofs: [
      component('failure-table', 'a failure > by out of memory is tried again as the table says'),
      unit('controller/decide-outcome', 'outcome > out of memory'),
    ],
  },
  {
    row: 16,
    input: 'a step that is evicted, drained or reclaimed',
    promise: 'tried again; finished work is found and kept',
    proofs: [
      component('kills', 'a backup > whose transfer step is killed is tried again and good in the end'),
      component('kills-restore', 'a restore whose step load-database is killed is tried again and equal in the end'),
      e2e('backups and restores > a backup whose pod vanishes while it dumps is good in the end'),
      e2e(
        'backups and restores > within Google Cloud, whose work pods vanish from: asked for once, and equal in the end',
      ),
      e2e('backups and restores > within AWS, whose work pods vanish from: asked for once, and equal in the end'),
      unit('controller/decide-outcome', 'outcome > evicted'),
    ],
  },
  {
    row: 17,
    input: 'a node that loses power, or only seems to',
    promise: 'the step is repeated; whoever wakes up late changes nothing',
    proofs: [
      unit('backup-steps', 'attempts > that come late find the first result, and a seal stays as it is'),
      unit('backup-steps', 'attempts > whose dump comes after another has finished the step add nothing'),
      component('busy', 'the server asks within 20 s whether the machine of a backup is still there'),
      e2e('backups and restores > a dump that wakes up after the seal changes nothing'),
      e2e('backups and restores > a transfer that wakes up after the seal changes nothing'),
    ],
  },
  {
    row: 18,
    input: 'a database that is down before or while it is dumped',
    promise: 'down before: refused. Down later: tried again. No manifest, no upload left',
    codes: ['DATABASE_UNREACHABLE', 'DATABASE_FAILED'],
    proofs: [
      component('bad-server', 'a server > that does not listen is DATABASE_UNREACHABLE'),
      outages('a database > that goes away while it is dumped and stays away fails the run, and nothing is left'),
      outages('a database > that is back before the repetitions end costs a pause and no backup'),
      unit('run-step', 'a step > that cannot reach what an earlier one reached is tried again'),
    ],
  },
  {
    row: 19,
    input: 'the process of the server that serves the dump is killed',
    promise: 'noticed, and tried again',
    proofs: [component('kills', 'a backup > whose server process is killed is tried again and good in the end')],
  },
  {
    row: 20,
    input: 'a standby that may cancel the dump, a lock that is not given',
    promise: 'refused before, or failed with what the server said',
    codes: ['DATABASE_STANDBY', 'DUMP_FAILED'],
    proofs: [
      component(
        'bad-server',
        'a server > that is a standby without hot_standby_feedback is DATABASE_STANDBY, and with it is backed up',
      ),
      outages('a database > whose table stays locked for longer than lockTimeout is DUMP_FAILED and says so'),
    ],
  },
  {
    row: 21,
    input: 'a storage that fills up, or reaches its quota, halfway',
    promise: 'failed with its reason; neither a part nor a file is left',
    codes: ['STORE_FULL'],
    proofs: [
      outages('a bucket > that fills up halfway is STORE_FULL, and neither a part nor a file is left'),
      component('bad-storage', 'a storage > that is full is STORE_FULL with 70'),
      contract(
        'file-store-disk',
        'file store: what only a disk does > says that the disk is full, and leaves nothing there',
      ),
    ],
  },
  {
    row: 22,
    input: 'rights on a bucket that are revoked while objects are copied',
    promise: 'failed with its reason, at once; the next backup is whole',
    codes: ['STORE_DENIED'],
    proofs: [
      outages(
        'a bucket > whose rights are revoked while objects are copied is STORE_DENIED, and the next backup is whole',
      ),
    ],
  },
  {
    row: 23,
    input: 'an object that is overwritten while it is copied',
    promise: 'copied again as it is now, never as a mixture',
    codes: ['OBJECT_CHANGED', 'COPY_INCOMPLETE'],
    proofs: [
      component(
        'consistency',
        'objects that change, vanish or appear while they are copied end as catch-up finds them',
      ),
      ofEveryMover('says changed or vanished, and leaves nothing there'),
      ofEveryStore('reads one version or says that it changed'),
    ],
  },
  {
    row: 24,
    input: 'clocks that differ, step back or run fast',
    promise: 'no order depends on them; signatures are corrected or the difference is named',
    codes: ['CLOCK_SKEW'],
    proofs: [
      component('bad-storage', 'a clock that is an hour ahead > is named by check and does not spoil a backup'),
      component(
        'bad-storage',
        'a clock that is an hour ahead > is either corrected or named where the store checks signatures',
      ),
      simulation('B4-24'),
    ],
  },
  {
    row: 25,
    input: 'two controllers that both think that they are the one',
    promise: 'one Workflow, one end',
    proofs: [faults('calls > two controllers at once make one Workflow and one end'), simulation('B4-25')],
  },
  {
    row: 26,
    input: 'a request that is deleted while it runs, and made again under its name',
    promise: 'another UID is another run; the old one is stopped',
    proofs: [
      endings('a deleted request stops its run, and goes when the run has ended'),
      unit('controller/long-names', 'a request made again under its name gets another Workflow'),
      simulation('B4-26'),
      e2e('backups and restores > a request that is replaced while it runs has a run of its own'),
    ],
  },
  {
    row: 27,
    input: 'a controller of another version, while runs run',
    promise: 'a run finishes by the template it began with; a status of a later version stays as it is',
    proofs: [unit('controller/decide', 'terminal > a terminal status that this version cannot read stays terminal')],
  },
  {
    row: 28,
    input: 'a template that is changed while a run runs',
    promise: 'Argo runs the copy in the Workflow; the plan is that of the claim',
    proofs: [
      unit('backup-steps', 'attempts > work from the claim, whatever becomes of the environment meanwhile'),
      simulation('B4-28'),
    ],
  },
  {
    row: 29,
    input: 'Argo that does not run',
    promise: 'Pending, and nothing created twice',
    proofs: [
      unit('controller/decide', 'run > a Workflow in phase "*" is mirrored'),
      simulation('B4-29'),
      e2e('the controller > waits for Argo'),
    ],
  },
  {
    row: 30,
    input: 'an API server without the kinds of Argo',
    promise: 'not ready, and well as soon as they are there',
    proofs: [
      component(
        'controller/health',
        '/readyz says no until everything is known and when the API server is silent; /healthz does not mind',
      ),
      simulation('B4-30'),
    ],
  },
  {
    row: 31,
    input: 'a webhook that refuses our Workflow',
    promise: 'the request fails with what it said, without a loop',
    codes: ['INPUT_INVALID'],
    proofs: [
      faults('calls > a Workflow that is refused for good ends the request, without a loop'),
      simulation('B4-31'),
    ],
  },
  {
    row: 32,
    input: 'names that do not resolve for a while',
    promise: 'refused where nothing was reached yet, tried again afterwards',
    codes: ['DATABASE_UNREACHABLE', 'STORE_UNREACHABLE', 'STORE_FAILED', 'SERVICE_UNREACHABLE'],
    proofs: [
      component('bad-server', 'a server > whose name does not resolve is DATABASE_UNREACHABLE'),
      contract('s3-faults', 's3 that is not there > says which of endpoint and bucket is missing'),
      unit('run-step', 'a step > that cannot reach what an earlier one reached is tried again'),
      outages(
        'a bucket > that goes away in the middle of a run is tried again, then fails, and the next backup is good',
      ),
      contract('cloud-sql', 'what is wrong with a place > is told: nobody there'),
    ],
  },
  {
    row: 33,
    input: 'everything is stored and the manifest is not taken',
    promise: 'tried again; without it there is no backup',
    codes: ['STORE_FAILED'],
    proofs: [
      outages('a bucket > that takes everything but the manifest holds no backup'),
      outages('a bucket > that takes the manifest at last holds a backup'),
    ],
  },
  {
    row: 34,
    input: 'a backup that is deleted while another builds on it, or while it is restored',
    promise: 'refused while another run may need it; a restore fails with what is missing, and what is live stays',
    codes: ['BACKUP_REFERENCED', 'BACKUP_DAMAGED'],
    proofs: [
      component('cli', 'delete > refuses what a newer backup uses'),
      outages('a backup > is not deleted while a run that may build on it runs'),
      unit('restore-steps', 'nothing is written > live when the backup is deleted between preview and load'),
    ],
    waits: 'retention',
  },
  {
    row: 35,
    input: '200 requests at once',
    promise: 'all end; runs of one environment come one after the other',
    proofs: [
      endings('two requests at once get Workflows of different seconds'),
      unit('controller/queue', 'no more keys at once than there are workers'),
      simulation('B4-35'),
    ],
  },
  {
    row: 36,
    input: 'a hundred thousand failures in one run',
    promise: 'a status stays small; the first thousand are listed and all are counted',
    proofs: [
      unit('controller/decide.property', 'every status is one that the API server accepts'),
      unit('problems', 'problems are all counted, and the first thousand are listed'),
      simulation('B4-36'),
    ],
  },
];
