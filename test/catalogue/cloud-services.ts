import { type BadInput, component, contract, type Row, unit } from './row.ts';

const sql = (what: string) => contract('cloud-sql', what);
const sqlRun = (what: string) => component('cloud-sql-faults', what);
const rds = (what: string) => contract('rds', what);
const rdsRun = (what: string) => component('rds-faults', what);
const azure = (what: string) => contract('azure-flexible-server', what);
const azureRefusal = (what: string) => contract('azure-refusals', what);
const azureRun = (what: string) => component('azure-flexible-server-faults', what);
const transfer = (what: string) => contract('storage-transfer', what);
const transferRun = (what: string) => component('storage-transfer', what);
const everySql = (call: string) => contract('every-answer-google', `every answer to a call of Cloud SQL > at ${call}`);
const everyTransfer = (call: string) =>
  contract('every-answer-google', `every answer to a call of Storage Transfer > at ${call}`);
const everyRds = (of: string) => contract('every-answer-rds', `every answer to a call about ${of} > at *`);
const everyAzure = (call: string) => contract('every-answer-azure', `every answer to a call of Azure > at ${call}`);

const services = 'Cloud SQL, RDS, Azure, Storage Transfer';

/** What the services of clouds may meet or do: the places, who asks, and what the server is doing. */
export const cloudServiceRows: readonly (Row & BadInput)[] = [
  {
    row: 1,
    surface: 'Cloud SQL',
    input: 'a wrong project or instance, nobody at the endpoint',
    promise: 'told before anything is asked for; Google does not say whether a project of others is there',
    codes: ['SERVICE_DENIED', 'SERVICE_NOT_FOUND', 'SERVICE_UNREACHABLE'],
    proofs: [
      sql('what is wrong with a place > is told: another project'),
      sql('what is wrong with a place > is told: no such instance'),
      sql('what is wrong with a place > is told: nobody there'),
    ],
  },
  {
    row: 2,
    surface: 'RDS',
    input: 'a wrong region, instance or cluster, an instance that belongs to a cluster',
    promise: 'told before anything is asked for',
    codes: ['SERVICE_DENIED', 'SERVICE_NOT_FOUND', 'SERVICE_UNREACHABLE', 'ENVIRONMENT_INVALID'],
    proofs: [
      rds('what is wrong with a place > is told: another region'),
      rds('what is wrong with a place > is told: no such instance'),
      rds('what is wrong with a place > is told: no such cluster'),
      rds('what is wrong with a place > is told: nobody there'),
      rds('what is wrong with a place > is told of an instance that belongs to a cluster, and of another engine'),
    ],
  },
  {
    row: 3,
    surface: 'Azure',
    input: 'a wrong subscription, group or server, a certificate that nobody vouches for',
    promise: 'told before anything is asked for',
    codes: ['SERVICE_NOT_FOUND', 'SERVICE_UNREACHABLE'],
    proofs: [
      azureRefusal('what is wrong with a place > is told: no such subscription'),
      azureRefusal('what is wrong with a place > is told: no such group'),
      azureRefusal('what is wrong with a place > is told: no such server'),
      azureRefusal('a certificate that nobody vouches for is told'),
    ],
  },
  {
    row: 4,
    surface: 'Storage Transfer',
    input: 'a wrong project, nobody at the endpoint',
    promise: 'told by the check, and by the step before anything is copied',
    codes: ['SERVICE_DENIED', 'SERVICE_UNREACHABLE'],
    proofs: [
      transfer('weather > another project is SERVICE_DENIED'),
      transfer('weather > no server is SERVICE_UNREACHABLE'),
      transferRun('a check says what the account may not do, and a preview who will move'),
    ],
  },
  {
    row: 5,
    surface: 'Cloud SQL',
    input: 'a missing permission, each alone',
    promise: 'that permission is named; nothing is left',
    codes: ['SERVICE_DENIED', 'EXPORT_FAILED'],
    proofs: [
      sql('who lacks a permission > is of all that the page of permissions names'),
      sql('who lacks a permission > * is told which'),
      sql('an operation that is done with an error > is what a bucket without the instance’s account ends with'),
      sqlRun('* ends the backup with one clear line, and leaves nothing'),
    ],
  },
  {
    row: 6,
    surface: 'RDS',
    input: 'a missing permission, each alone; keys that nobody knows',
    promise: 'action and identity are named; nothing is left',
    codes: ['SERVICE_DENIED'],
    proofs: [
      rds('who lacks a permission > * is told which, and who'),
      rds('what is wrong with a place > is told of keys that nobody knows, and of half a pair'),
      component('rds', 'the policy for an * suffices, and nothing in it is idle'),
      rdsRun('* ends the backup with one clear line, and leaves nothing'),
    ],
  },
  {
    row: 7,
    surface: 'Azure',
    input: 'a missing permission, each alone; an application that nobody knows',
    promise: 'action and identity are named; nothing is left',
    codes: ['SERVICE_DENIED'],
    proofs: [
      azureRefusal('who lacks a permission > * is told which, and who'),
      azureRefusal(
        'who asks > is told when nobody knows the application, when half of it is given, and when there is none',
      ),
      azure('a temporary server > says which permission on its subnet is missing'),
      component('azure-flexible-server', 'the documented roles suffice, and nothing in them is idle'),
      azureRun('* ends the backup with one clear line, and leaves nothing'),
    ],
  },
  {
    row: 8,
    surface: 'Storage Transfer',
    input: 'a missing permission, each alone; a service agent that may not read or write a bucket',
    promise: 'that permission is named; who may not look leaves the files for a run that may',
    codes: ['SERVICE_DENIED', 'TRANSFER_FAILED'],
    proofs: [
      transfer('who lacks a permission > is of all that the page of permissions names'),
      transfer('who lacks a permission > * is told which'),
      transferRun('* ends the backup with one clear line'),
      transferRun('no permission to look at * ends the backup, and its files stay for a run that may'),
    ],
  },
  {
    row: 9,
    surface: services,
    input: '403, 404, 409, 412, 429, 500, 503 and a connection that is cut, at each call',
    promise:
      'refusals are told at once, in the words of the job; what passes is asked again, without anything made twice; a deletion of what is gone is done',
    codes: [
      'SERVICE_DENIED',
      'SERVICE_NOT_FOUND',
      'SERVICE_NOT_READY',
      'SERVICE_BUSY',
      'SERVICE_FAILED',
      'SERVICE_REFUSED',
    ],
    proofs: [
      contract('every-answer-google', 'every answer to a call of Cloud SQL > is of all calls that there are'),
      everySql('*'),
      contract('every-answer-google', 'every answer to a call of Storage Transfer > is of all calls that were made'),
      everyTransfer('*'),
      contract('every-answer-rds', 'every call is in one of the tables'),
      everyRds('*'),
      contract('every-answer-azure', 'every answer to a call of Azure > is of all calls that are made'),
      everyAzure('*'),
    ],
  },
  {
    row: 10,
    surface: services,
    input: 'a token that is not taken any more, in mid-run',
    promise: 'Azure is asked for another one once; else it is told that the cloud does not know who asks',
    codes: ['SERVICE_DENIED'],
    proofs: [
      azureRefusal('who asks > asks for one token, and for another when that has expired'),
      everySql('*'),
      everyTransfer('*'),
      everyRds('*'),
      everyAzure('*'),
    ],
  },
  {
    row: 11,
    surface: 'Cloud SQL',
    input: 'an instance that is stopped, suspended, in maintenance or a replica',
    promise: 'told at check and at the first step',
    codes: ['SERVICE_NOT_READY'],
    proofs: [
      sql('what is wrong with a place > is told of a stopped instance, before and after'),
      sql('what is wrong with a place > is told of a replica and of maintenance'),
      sql('what is wrong with a place > is told of an instance that is suspended, as with a key that is disabled'),
      sqlRun('* ends the backup with one clear line, and leaves nothing'),
    ],
  },
  {
    row: 12,
    surface: 'RDS',
    input: 'a server that is stopped, stopping, full, without its network or key; backing up, modifying, upgrading',
    promise: 'what stays so is told; what passes is waited for',
    codes: ['SERVICE_NOT_READY', 'SERVICE_BUSY'],
    proofs: [
      rds('a snapshot > of a server that is * is *'),
      rdsRun('an instance that is being changed is waited for'),
      rdsRun('* ends the backup with one clear line, and leaves nothing'),
    ],
  },
  {
    row: 13,
    surface: 'RDS',
    input: 'a replica',
    promise: 'a snapshot is taken of it as of any instance',
    isNone: 'AWS takes snapshots of read replicas, too; a cluster has one volume for all its instances',
  },
  {
    row: 14,
    surface: 'Azure',
    input:
      'a server that is stopped, disabled, without its key, a replica or burstable; updating, restarting, starting',
    promise: 'what stays so is told, and nothing is asked for; what passes is waited for',
    codes: ['SERVICE_NOT_READY', 'SERVICE_BUSY', 'ENVIRONMENT_INVALID'],
    proofs: [
      azureRefusal('a server of which no backup can be taken > *: nothing is asked for, and check says so'),
      azureRefusal('a server of which no backup can be taken > is * now, which passes'),
      azureRun('a server that is being changed is waited for'),
    ],
  },
  {
    row: 15,
    surface: services,
    input: 'another operation that runs for an hour',
    promise: 'waited for, for as long as a step of the run may take',
    codes: ['SERVICE_BUSY'],
    proofs: [
      unit('jobs', 'a job > waits for an hour while something else runs, and not for longer than its run may'),
      sql('jobs of Cloud SQL > are refused while another runs, and given up when asked'),
      sqlRun('an operation of somebody else is waited for'),
      rdsRun('an instance that is being changed is waited for'),
      azureRun('a server that is being changed is waited for'),
      transfer('a job of Storage Transfer > is waited for while it is queued'),
    ],
  },
  {
    row: 16,
    surface: 'Cloud SQL, Storage Transfer',
    input: 'the quota of requests is used up',
    promise: 'asked again later',
    codes: ['SERVICE_BUSY'],
    proofs: [
      sql('bad weather > * * at submission is *, asked once'),
      transfer('weather > * * * is an error of the catalogue, asked once'),
    ],
  },
  {
    row: 17,
    surface: 'RDS, Azure',
    input: 'no more snapshots, servers or cores',
    promise: 'the quota is named, and nothing is left',
    codes: ['SERVICE_QUOTA'],
    proofs: [
      rds('a snapshot > over the quota says so'),
      rds('a temporary server > beyond the quota, of no such network, or without its snapshot says so'),
      rdsRun('* ends the backup with one clear line, and leaves nothing'),
      azure('a backup that Azure took and that ends Failed > because there are seven says what to do'),
      azure('a temporary server > beyond the quota, of no such group or refused says so'),
    ],
  },
  {
    row: 18,
    surface: 'Cloud SQL',
    input: 'DONE, with an error',
    promise: 'a failure in the words of Google; one of Google’s own is asked for again under a new name',
    codes: ['EXPORT_FAILED', 'SNAPSHOT_FAILED', 'LOAD_FAILED', 'SERVICE_INTERRUPTED'],
    proofs: [
      sql('an operation that is done with an error > * is a failure'),
      sql('an operation that is done with an error > of Google’s own is asked for again'),
      sql('an operation that is done with an error > of an earlier import is not that of a later one'),
      sqlRun('what Google interrupts itself is asked for again, under a new name'),
    ],
  },
  {
    row: 19,
    surface: 'RDS, Azure',
    input: 'a snapshot that ends failed, or is being deleted',
    promise: 'a failure with what the cloud says',
    codes: ['SNAPSHOT_FAILED', 'SERVICE_INTERRUPTED'],
    proofs: [
      rds('a snapshot > that ends * has failed'),
      azure('a backup that Azure took and that ends Failed > says why'),
      azure('a backup that Azure took and that ends Failed > by a failure of Azure’s own may be asked for again'),
    ],
  },
  {
    row: 20,
    surface: 'Storage Transfer',
    input: 'QUEUED, PAUSED or FAILED; counters that contradict each other or the list; none at all',
    promise: 'waited for; a failure names object and reason; success is believed only when every count fits',
    codes: ['TRANSFER_FAILED', 'SERVICE_INTERRUPTED'],
    proofs: [
      unit('transfer-outcome', 'an operation of Storage Transfer > goes on when it says *'),
      unit('transfer-outcome', 'an operation of Storage Transfer > is a failure where *'),
      transferRun('* ends the backup with one clear line'),
      transferRun('what Google interrupts itself is asked for again, under a new name'),
    ],
  },
  {
    row: 21,
    surface: 'Cloud SQL',
    input: 'an export onto an object that exists',
    promise: 'refused by Google, and never written over; that of an earlier attempt is taken when it was done',
    codes: ['EXPORT_FAILED'],
    proofs: [sql('an operation that is done with an error > is what an export over an object ends with')],
  },
  {
    row: 22,
    surface: services,
    input: 'an answer that is lost, to what makes something',
    promise: 'what was begun is found again by its name, and nothing is made twice',
    proofs: [
      unit('jobs', 'a job > that was taken while its answer was lost is not asked for again'),
      sql('jobs of Cloud SQL > are found again when the answer to a * was lost, page after page'),
      sqlRun('answers that are lost lead to no second snapshot and no second export'),
      rds('jobs of * > are found again when the answer was lost, page after page, and are never made twice'),
      rdsRun('answers that are lost lead to no second snapshot and no second server'),
      azure('jobs > are found again when the answer was lost, page after page, and are never made twice'),
      azureRun('answers that are lost lead to no second backup and no second server'),
      transfer('a job of Storage Transfer > is taken once where the answer to * was lost'),
    ],
  },
];
