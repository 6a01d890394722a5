import { type BadInput, component, contract, kills, ofEveryMover, ofEveryStore, type Row, unit } from './row.ts';

const sqlRun = (what: string) => component('cloud-sql-faults', what);
const rds = (what: string) => contract('rds', what);
const rdsRun = (what: string) => component('rds-faults', what);
const azure = (what: string) => contract('azure-flexible-server', what);
const azureRun = (what: string) => component('azure-flexible-server-faults', what);
const transfer = (what: string) => contract('storage-transfer', what);
const transferRun = (what: string) => component('storage-transfer', what);
const snapshotCopies = (what: string) => contract('rds-copies', what);
const newRds = (what: string) => contract('rds-new-server', what);
const newSql = (what: string) => contract('cloud-sql-new-server', what);
const outOfReach = (what: string) => contract('out-of-reach', `out of reach in ${what}`);
const locks = (what: string) => contract('object-locks', what);
const atPoint = (what: string) => component('at-point', `a bucket with versions in * > ${what}`);
const within = (cloud: string, what: string) => contract('copies', `copy within ${cloud} > ${what}`);
const stores = 's3, gs, azblob';

/** What goes wrong with work that a cloud does, with what it leaves, and with objects and copies there. */
export const cloudWorkRows: readonly (Row & BadInput)[] = [
  {
    row: 23,
    surface: 'Cloud SQL, RDS, Azure, Storage Transfer',
    input: 'a step that is killed just before or after any of its calls',
    promise: 'the next attempt goes on with the same work; nothing is made twice, and nothing is left',
    proofs: [
      sqlRun('a step * that is killed in flight is followed by one that goes on with the same work'),
      sqlRun('a step that is killed while the cloud imports is followed by one that goes on with the same import'),
      rdsRun('a step * that is killed in flight is followed by one that goes on with the same * of *'),
      azureRun('a step * that is killed is followed by one that goes on with the same * (*)'),
      transferRun('a step that is killed in flight by * is followed by one that goes on with the same job'),
      kills('snapshot: asked'),
      kills('export: asked'),
      kills('export: handle'),
      kills('transfer: job made'),
      kills('transfer: run'),
      kills('import: asked'),
      kills('server: asked'),
      kills('server: deleted'),
      kills('object: copied'),
    ],
  },
  {
    row: 24,
    surface: 'Cloud SQL, RDS, Azure, Storage Transfer',
    input: 'work of ours that goes on already, and two attempts at once',
    promise: 'it is taken for ours; of two that ask one counts',
    proofs: [
      unit('jobs', 'a job > is gone on with by whoever comes next, without looking for it'),
      unit('jobs', 'a job > of two attempts at once is one'),
      transfer('a job of Storage Transfer > is one operation where two ask for it at once'),
      rds('jobs of * > are not given up by who was told to stop: the next attempt goes on'),
      azure('jobs > are not given up by who was told to stop: the next attempt goes on'),
      within('Azure', 'waits for the copy that another began, and takes it when it is the ordered one'),
    ],
  },
  {
    row: 25,
    surface: 'Cloud SQL, RDS, Azure',
    input: 'a name that is taken by others, or was ours until somebody changed its tag',
    promise: 'refused, and never touched',
    codes: ['SNAPSHOT_FAILED', 'TEMPORARY_SERVER_FAILED', 'NAME_TAKEN'],
    proofs: [
      rds('jobs of * > have names that are not taken from others'),
      azure('jobs > have names that are not taken from others, for to create what exists is to change it'),
      newRds('a new server out of a snapshot of * > is refused where another has its name, which is not touched'),
      newSql('the name of a new server > that another has is refused, which is not touched'),
      newSql('the name of a new server > that Google keeps of a deleted one is refused, and says so'),
      contract('azure-new-server', 'a new server is refused where another has its name, which is not touched'),
      snapshotCopies('copies of snapshots > are not taken from others'),
    ],
  },
  {
    row: 26,
    surface: 'Cloud SQL, Storage Transfer',
    input: 'a name that is taken by others',
    promise: 'names of exports and transfers carry the run; nobody else has them',
    isNone: 'Google names operations and backups itself; exports and transfers have names that follow from their run',
  },
  {
    row: 27,
    surface: 'RDS, Azure',
    input: 'a temporary server that is never available, ends failed, or that somebody deletes',
    promise: 'given up at its deadline, and removed; the snapshot of a failed backup goes with it',
    codes: ['TEMPORARY_SERVER_FAILED'],
    proofs: [
      rds('a temporary server > that is never available fails at its deadline'),
      rds('a temporary server > that ends * has failed, and can be removed'),
      rds('a temporary server > of a cluster whose instance fails has failed'),
      rds('a temporary server > that somebody deleted is gone'),
      rdsRun('a server that is never available costs no more than its deadline'),
      azure('a temporary server > that is never ready fails at its deadline'),
      azure('a temporary server > that is made and is Disabled has failed'),
      azureRun('a server that is never ready costs no more than its deadline'),
    ],
  },
  {
    row: 28,
    surface: 'Cloud SQL',
    input: 'a temporary server',
    promise: 'the instance itself exports',
    isNone:
      'backups make no server there: Google exports from the instance, or from one of its own beside it (offload)',
  },
  {
    row: 29,
    surface: 'Cloud SQL, RDS, Azure',
    input: 'the cleaner itself fails, or never runs',
    promise:
      'what costs money fails the run, and is named; the records stay, by which the next run finds and removes what is left',
    codes: ['SERVICE_DENIED', 'SERVICE_FAILED'],
    proofs: [
      sqlRun('a cleaner that may not delete leaves the records, by which the next run’s sweep finds the snapshot'),
      sqlRun('the snapshot of a run that died without its clean-up goes with the next run'),
      rdsRun('a server that cannot be deleted fails the backup, and the cleaner tries again'),
      rdsRun(
        'a cleaner that may not delete either leaves the records, by which the next run’s sweep finds what is left',
      ),
      rdsRun('what a run of * left that died without its clean-up goes with the next run'),
      azureRun(
        'a cleaner that may not delete either leaves the records, by which the next run’s sweep finds what is left',
      ),
      azureRun('what a run left that died in * without its clean-up goes with the next run'),
      unit('temporary-server', 'what a run leaves at a service > that may not be deleted is not tried for ever'),
    ],
  },
  {
    row: 30,
    surface: 'Cloud SQL, Storage Transfer',
    input: 'work that goes on although it was given up',
    promise: 'it is waited for, then told; its files stay for a run that may look',
    codes: ['CANCELLED'],
    proofs: [
      sqlRun('an export that is given up too late leaves no file either'),
      transferRun('the operation of a run that died without its clean-up is given up by the next run'),
      transferRun('a backup that is told to stop gives its operation up and leaves no file'),
      unit('jobs', 'a job > that goes on all the same is not waited for for ever, and is told'),
    ],
  },
  {
    row: 31,
    surface: stores,
    input: 'a wrong bucket or container, nobody at the endpoint',
    promise: 'named before anything is written',
    codes: ['STORE_NOT_FOUND', 'STORE_UNREACHABLE'],
    proofs: [
      contract('s3-faults', 's3 that is not there > says which of endpoint and bucket is missing'),
      contract('gs-faults', 'gs when the service or the network fails > says which of endpoint and bucket is missing'),
      contract('azblob-faults', 'azblob when the service or the network fails > says * * as * at every call'),
    ],
  },
  {
    row: 32,
    surface: stores,
    input: 'a missing permission, each alone',
    promise: 'told at once, in the words of the vendor, which name action and identity where he names them',
    codes: ['STORE_DENIED'],
    proofs: [
      contract(
        'permissions-of-stores',
        'who lacks a permission at * > *: each call that needs it says so, and no other is refused',
      ),
      component('store-permissions', '* > backup'),
      component('store-permissions', '* > restore'),
    ],
  },
  {
    row: 33,
    surface: stores,
    input: '401, 403, 404, 409, 412, 429, 500, 503 and a connection that is cut, at each call, and an expired token',
    promise:
      'refusals are told at once; what passes is tried again; whether a write was done, what stands there tells; what changed is copied again',
    codes: ['STORE_DENIED', 'STORE_NOT_FOUND', 'STORE_FAILED', 'OBJECT_EXISTS', 'OBJECT_CHANGED', 'OBJECT_NOT_FOUND'],
    proofs: [
      contract('every-answer-stores', 'every answer to a call of * > at *'),
      contract('every-answer-stores', 'every answer to a call of * > at copy'),
      contract('s3-faults', 's3 when the service or the network fails > calls 400 ExpiredToken by its name'),
    ],
  },
  {
    row: 34,
    surface: 's3',
    input:
      'a bucket in another region, requester-pays, an object with a key of the customer, in an archive, a KMS key that is disabled',
    promise:
      'fails at once, with the words of Amazon; a backup without it would be none; `check --objects` names objects before',
    codes: ['STORE_NOT_FOUND', 'STORE_DENIED', 'OBJECT_UNREADABLE'],
    proofs: [
      outOfReach('s3 > a bucket in another region is STORE_NOT_FOUND'),
      outOfReach('s3 > a bucket in another region than is signed for is STORE_DENIED'),
      outOfReach('s3 > a requester-pays bucket is STORE_DENIED'),
      outOfReach('s3 > an object with a key of the customer is OBJECT_UNREADABLE'),
      outOfReach('s3 > an archived object is OBJECT_UNREADABLE'),
      contract('unreadable', 'in an archive of s3 > an object of class * is named, until it is taken out'),
      component('check-objects', 'where a listing does not say it, some objects are asked for themselves'),
      outOfReach('s3 > a KMS key that cannot be used (KMS.DisabledException) is STORE_DENIED'),
    ],
  },
  {
    row: 35,
    surface: 'gs',
    input:
      'requester-pays, an object with a key of the customer or under a hold, a KMS key that is disabled, what a policy of the organization forbids',
    promise: 'fails at once, with the words of Google; `check --objects` names objects before',
    codes: ['STORE_DENIED', 'OBJECT_UNREADABLE', 'OBJECT_LOCKED'],
    proofs: [
      outOfReach('gs > a requester-pays bucket (required) is STORE_DENIED'),
      outOfReach('gs > an object with a key of the customer is OBJECT_UNREADABLE'),
      outOfReach('gs > what a policy of the organization forbids is STORE_DENIED'),
      outOfReach('gs > a hold on an object is OBJECT_LOCKED'),
      contract('unreadable', 'in gs > an object with a key of the customer is named by its listing'),
      outOfReach('gs > a KMS key that cannot be used (cloudKmsDisabledKey) is STORE_DENIED'),
    ],
  },
  {
    row: 36,
    surface: 'azblob',
    input: 'an object in an archive, or with a key of the customer, a key vault that gives no key',
    promise: 'fails at once, with the words of Microsoft; `check --objects` names objects before',
    codes: ['STORE_DENIED', 'OBJECT_UNREADABLE'],
    proofs: [
      outOfReach('azblob > an archived object is OBJECT_UNREADABLE'),
      outOfReach('azblob > an object with a key of the customer is OBJECT_UNREADABLE'),
      contract('unreadable', 'in an archive of azblob > an object is named, until it is taken out'),
      contract('unreadable', 'in an archive of azblob > an object with a key of the customer is named by its listing'),
      outOfReach('azblob > a key vault that gives no key (KeyVaultEncryptionKeyNotFound) is STORE_DENIED'),
    ],
  },
  {
    row: 37,
    surface: 'gs, azblob',
    input: 'a bucket in another region; an archive of Google; a container whose reader pays',
    promise: 'buckets and accounts are reached by one name from everywhere',
    isNone:
      'neither has endpoints by region, objects of every class of Google can be read at once, and Azure knows no reader who pays',
  },
  {
    row: 38,
    surface: `${stores}, Storage Transfer`,
    input: 'an object that is deleted or overwritten during the copy',
    promise: 'left out or copied again as it is after the point; never a mixture, and never over what stands there',
    codes: ['OBJECT_CHANGED', 'COPY_INCOMPLETE'],
    proofs: [
      ofEveryMover('says changed or vanished, and leaves nothing there'),
      within('Google Cloud Storage', 'says changed when the source is replaced between two calls'),
      within('Google Cloud Storage', 'never overwrites what came between two calls'),
      within('Azure', 'says vanished when the source is gone, changed when it is another'),
      contract('copy-keeps', 'a copy within S3 on * > in parts is of the version that was listed, or nothing'),
      transferRun('where the service copies *, what moved meanwhile is as it is after the point'),
    ],
  },
  {
    row: 39,
    surface: stores,
    input: 'objects of more than 5 GB',
    promise: 'copied in parts that the store takes, without a gap, and with all that describes them',
    proofs: [
      contract('five-gigabytes', 'an object of * bytes is copied in parts that S3 takes, without a gap'),
      contract('five-gigabytes', 'an object of 5 GiB is copied by one request'),
      contract('five-gigabytes', 'a body of unknown length may have a terabyte in parts that S3 takes'),
      ofEveryMover('copies large objects in parts and keeps what identifies them'),
      within('Google Cloud Storage', 'goes on until Google is done, with both conditions in every call'),
      within('Azure', 'is done when Azure says so, and not before'),
      ofEveryStore('writes a body of unknown length in parts, whole or not at all'),
    ],
  },
  {
    row: 40,
    surface: 's3',
    input: '10,000 versions of one key',
    promise: 'one object, by as many requests as one with a single version',
    proofs: [
      contract(
        'versions-of-a-key',
        'a key with 10,000 versions is one object, listed and copied as it is now by a handful of requests',
      ),
      contract('versions-of-a-key', 'a key with 10,000 versions that is deleted is gone, and none of them comes back'),
    ],
  },
  {
    row: 41,
    surface: 'gs, azblob',
    input: '10,000 versions of one key',
    promise: 'versions are shown to who asks for them',
    isNone: 'listings do not ask for versions but with `versions: atPoint`, and leave them out',
  },
  {
    row: 42,
    surface: stores,
    input: 'locks that the store cannot give, that are shorter or missing',
    promise: 'told at check, and no backup begins; a lock is extended and never shortened; verify names what has none',
    codes: ['LOCK_UNAVAILABLE', 'LOCK_MISSING', 'OBJECT_LOCKED'],
    proofs: [
      locks('locks of objects: * > need a place that was set up for them'),
      locks('locks of objects: * > are extended in * mode, and never shortened'),
      locks('locks of objects: elsewhere > are not there on a server that keeps no versions'),
      component('immutability', 'a place that cannot lock > is told at check, and no backup begins'),
      unit('immutability', 'an immutable backup > is verified with the lock of *'),
    ],
  },
  {
    row: 43,
    surface: stores,
    input: 'a copy in another place that fails, is spoilt there, or is cut short',
    promise: 'the run fails and names the place; the backup itself is sealed; `lc2-backup copy` makes up for it',
    codes: ['COPY_DAMAGED', 'STORE_DENIED', 'STORE_NOT_FOUND'],
    proofs: [
      component('copies', 'a backup with copies > is sealed where a copy fails, which ends the run'),
      component('copies', 'a backup with copies > whose step dies in flight goes on with the copy alone'),
      component('copies', 'a backup with copies > whose copy fails once more says so again'),
      unit('copies', 'a copy > that the place spoils is not sealed'),
      unit('copies', 'a copy > goes to no place of somebody else'),
    ],
  },
  {
    row: 44,
    surface: 'RDS',
    input:
      'a copy of a snapshot in another region: killed, lost, failed, too slow, over the quota, with a key that is disabled',
    promise: 'made once; the run fails and names the region; the backup itself is sealed',
    codes: ['SNAPSHOT_FAILED', 'SERVICE_QUOTA', 'SERVICE_NOT_READY', 'SERVICE_DENIED'],
    proofs: [
      component('rds-copies', '* ends the run with one clear line, and the backup is sealed'),
      component('rds-copies', 'a step that is killed while the region copies goes on with the same copy'),
      component('rds-copies', 'answers that are lost lead to no second copy'),
      snapshotCopies('a copy of a snapshot of * > that has failed is made anew when it is asked for again'),
      snapshotCopies('a copy of a snapshot of * > that is not made in time is waited for no longer, and goes on'),
      snapshotCopies('copies of snapshots > * are not made'),
      snapshotCopies('a check > says what is wrong with *'),
    ],
  },
  {
    row: 45,
    surface: 'RDS',
    input: 'a new server that fails, is never available, whose snapshot is gone, or that cannot be removed',
    promise: 'the restore says why, removes the server or names it as what costs money; the live one stays as it is',
    codes: ['NEW_SERVER_FAILED', 'SNAPSHOT_MISSING'],
    proofs: [
      component('new-server-rds', 'a new server that fails goes, and the restore says why'),
      component('new-server-rds', 'a new server that could not be removed is named, as what costs money'),
      component('new-server-rds', 'a new server is refused when the snapshot is gone'),
      newRds('a new server > that ends * has failed'),
      newRds('a new server > that is not available in time has failed'),
    ],
  },
  {
    row: 46,
    surface: 'Azure',
    input: 'a new server that fails, is not ready in time, or is not as far as it was asked for',
    promise: 'the restore says why and removes it; the live one stays as it is',
    codes: ['NEW_SERVER_FAILED'],
    proofs: [
      contract('azure-new-server', 'a new server that fails, or is not ready in time, has failed'),
      contract('azure-new-server', 'a new server is of a time that Azure still knows'),
      component('new-server-azure', 'a new server goes when it is not as far as it was asked for'),
      component('new-server-azure', 'a new server goes when the restore is told to stop'),
    ],
  },
  {
    row: 47,
    surface: 'Cloud SQL',
    input: 'a new server that fails, is not restored in time, whose snapshot is gone, or that cannot be removed',
    promise: 'the restore says why, removes the server or names it as what costs money; the live one stays as it is',
    codes: ['NEW_SERVER_FAILED', 'SNAPSHOT_MISSING', 'NAME_TAKEN'],
    proofs: [
      component(
        'new-server-cloud-sql',
        'a new server that fails goes, and the restore says why; it needs these permissions and no others',
      ),
      component('new-server-cloud-sql', 'a new server that could not be removed is named, as what costs money'),
      component(
        'new-server-cloud-sql',
        'a new server cannot have the name of one that was deleted, and says for how long',
      ),
      newSql('a new server > that runs is not restored yet'),
      newSql('a new server fails > without its snapshot, whole and there'),
      newSql('a new server fails > where Google has lost its restore three times, and not before'),
      newSql('a new server fails > that is not restored in time'),
    ],
  },
  {
    row: 48,
    surface: 's3, gs',
    input: 'objects that are deleted or written over between the point and their copy, in a bucket that keeps versions',
    promise:
      'with `versions: atPoint` they are in the backup as they were at the point; a bucket without versions is told',
    codes: ['VERSIONS_UNAVAILABLE'],
    proofs: [
      atPoint('is backed up as it was at the point, although all of it changes before the first listing'),
      atPoint('and a writer who deletes while it is backed up leaves no row without its document'),
      atPoint('must keep them: check and a backup say so before anything is copied'),
      contract('past', 'the past of a store: * > is what was current at a moment, and nothing else'),
      contract(
        'past',
        'the past of a store: * > is listed like the present, by pages of any size, below a prefix, after a key and with cuts',
      ),
      unit('at-point', 'the span of the points > holds begin and points whatever the clocks show, and little more'),
    ],
  },
];
