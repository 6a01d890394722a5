import { type BadInput, component, contract, golden, ofEveryMover, ofEveryStore, type Row, unit } from './row.ts';

const command = (what: string) => component('bad-yaml', `a command with > ${what} is refused in one line`);
const checkObjects = (what: string) => component('check-objects', what);
const damage = (what: string) => component('damage', what);
const s3 = (what: string) => contract('s3-faults', `s3 when the service or the network fails > ${what}`);

/** What stores, servers and services may hand us: refused with a reason, or handled. */
export const dataRows: readonly (Row & BadInput)[] = [
  {
    row: 29,
    surface: 'objects',
    input: 'keys of 1,024 bytes, with signs of urls, spaces at the end, dots for segments, control characters',
    promise: 'copied byte for byte, and stored under a name of ours where a folder could not hold them',
    codes: ['KEY_UNSUPPORTED'],
    proofs: [
      component('round-trip-s3', 'hostile keys of a bucket > go through a folder and come back equal'),
      component('round-trip-s3', 'hostile keys of a bucket > go through another bucket and come back equal'),
      ofEveryStore('holds exactly the keys that it says it holds'),
      component('bad-target', 'keys that a folder cannot hold are named by the preview, and nothing is restored'),
    ],
  },
  {
    row: 30,
    surface: 'objects',
    input: 'empty, larger than one copy may be, changing or vanishing while they are copied',
    promise: 'empty ones are kept, large ones copied in parts, changed ones again, vanished ones counted',
    codes: ['COPY_INCOMPLETE'],
    proofs: [
      ofEveryStore('writes and reads an empty object'),
      ofEveryMover('copies large objects in parts and keeps what identifies them'),
      ofEveryMover('says changed or vanished, and leaves nothing there'),
      component(
        'consistency',
        'objects that change, vanish or appear while they are copied end as catch-up finds them',
      ),
    ],
  },
  {
    row: 31,
    surface: 'objects',
    input: 'deleted versions, objects in an archive, encrypted with a key of the customer, with tags',
    promise:
      'current versions only, or with `versions: atPoint` those of the point; archived ones that no backup has are named by `check --objects`, and refused by name; tags go along where S3 copies by itself',
    codes: ['OBJECT_UNREADABLE'],
    proofs: [
      s3('calls 403 InvalidObjectState by its name'),
      checkObjects('an archived object that no backup has is an error of check, and of the backup'),
      checkObjects('one that a backup has is none: it is not read again'),
      checkObjects('a copy that went into an archive is named by verify, and by a restore before it begins'),
      ofEveryStore('keeps content type and metadata exactly where it says so'),
      contract('copy-keeps', 'a copy within S3 on moto > in parts > keeps content headers, metadata and tags'),
    ],
  },
  {
    row: 32,
    surface: 'manifest and inventory',
    input: 'cut off, without its last newline',
    promise: 'refused by digest, count, first and last key',
    codes: ['MANIFEST_INVALID', 'BACKUP_DAMAGED'],
    proofs: [
      unit('manifest', 'the manifest > is refused when cut anywhere'),
      unit('inventory-io', 'inventories > that are short by a line do not match the manifest, whatever their digest'),
      damage('verify > names every file and no other, by its key: an inventory that is cut off'),
    ],
  },
  {
    row: 33,
    surface: 'manifest and inventory',
    input: 'one wrong digest or size',
    promise: 'that file is named, and no other',
    codes: ['BACKUP_DAMAGED'],
    proofs: [
      damage('verify > names every file and no other, by its key: one flipped bit in each'),
      damage('verify > names every file and no other, by its key: what is too short, too long, empty or missing'),
    ],
  },
  {
    row: 34,
    surface: 'manifest and inventory',
    input: 'a key twice in an object, an object twice in an inventory',
    promise: 'refused',
    codes: ['MANIFEST_INVALID', 'BACKUP_DAMAGED'],
    proofs: [
      unit('manifest', 'the manifest > is refused when it means the same in another form'),
      unit('inventory-io', 'inventories > that are doubled do not match the manifest, whatever their digest'),
      unit('inventory-io', 'inventories > refuse lines out of order and twice'),
    ],
  },
  {
    row: 35,
    surface: 'manifest and inventory',
    input: 'fields named like parts of the language',
    promise: 'they change nothing but the value that holds them',
    codes: ['MANIFEST_INVALID'],
    proofs: [
      unit('manifest', 'the manifest > is refused when it is {"__proto__":{"version":"2.0"}}'),
      unit('inventory', 'inventory lines > with __proto__ pollute nothing'),
      unit('environment', 'an environment > with __proto__ as a field is refused or left without it'),
    ],
  },
  {
    row: 36,
    surface: 'manifest and inventory',
    input: 'a file that is missing, one that nobody knows',
    promise: 'both are problems with their key',
    codes: ['BACKUP_DAMAGED', 'OBJECT_NOT_FOUND'],
    proofs: [
      unit('backup-steps', 'verify of a sealed backup > names every file that is missing and every one too many'),
      damage('verify > names every file and no other, by its key: what is missing'),
      damage('verify > names files that belong to nothing'),
    ],
  },
  {
    row: 37,
    surface: 'manifest and inventory',
    input: 'an unknown version, an older one, a field of a later one',
    promise: 'an unknown one is refused, a later minor one is read',
    codes: ['MANIFEST_VERSION'],
    proofs: [
      unit('manifest', 'the manifest > of an unknown major version is refused even when well sealed'),
      unit('manifest', 'the manifest > of a later minor version is read, with its new fields under the digest'),
      damage(
        'restore refuses > a manifest of an unknown version with 78, and one that was sealed for another environment',
      ),
    ],
  },
  {
    row: 38,
    surface: 'manifest and inventory',
    input: 'a size that a number cannot hold',
    promise: 'refused rather than rounded',
    codes: ['BACKUP_DAMAGED'],
    proofs: [
      unit('inventory', 'inventory lines > with a size beyond what a number holds are damage, and the part is named'),
    ],
  },
  {
    row: 39,
    surface: 'manifest and inventory',
    input: 'a place above the folder, at the root, behind a link',
    promise: 'refused before anything is written',
    codes: ['MANIFEST_INVALID', 'BACKUP_DAMAGED'],
    proofs: [
      damage('restore refuses > a manifest that points outside of its storage, however well it is sealed'),
      unit('inventory', 'inventory lines > with a place above the folder are damage, and the part is named'),
      contract('file-store-disk', 'file store: what only a disk does > never follows a link, and names it'),
    ],
  },
  {
    row: 40,
    surface: 'manifest and inventory',
    input: 'no signature or a wrong one, the digest of another backup',
    promise: 'a manifest of another backup or environment is refused, and so are dumps that changed places',
    codes: ['MANIFEST_INVALID', 'BACKUP_DAMAGED', 'BACKUP_OF_OTHER_ENVIRONMENT'],
    proofs: [
      damage('restore refuses > dumps that changed places, and leaves what is live'),
      unit('restore-steps', 'nothing is written > live by a manifest that is another one than at preview'),
    ],
    waits: 'signatures',
  },
  {
    row: 41,
    surface: 'dumps',
    input: 'cut off, two in one, with something after its end',
    promise: 'refused by digest and by a full read',
    codes: ['BACKUP_DAMAGED'],
    proofs: [
      damage('verify > names every file and no other, by its key: what is too short, too long, empty or missing'),
      damage('restore refuses > a dump with a flipped bit, and leaves what is live'),
      component('kills', 'a backup into a bucket > whose pg_dump is killed fails, and the next one is good'),
      contract('children', 'pipelines of programs > never shows failing input as a regular end'),
    ],
  },
  {
    row: 42,
    surface: 'dumps',
    input: 'little that unpacks to very much',
    promise: 'inventories have a limit; dumps are streamed and never unpacked to disk',
    codes: ['BACKUP_DAMAGED'],
    proofs: [
      unit('inventory-io', 'inventories > that unpack to more than any that is written are damage, and named'),
      unit('inventory-io', 'inventories > that do not unpack are damage, whatever their digest'),
    ],
  },
  {
    row: 43,
    surface: 'dumps',
    input: 'of another database, another engine, a newer server',
    promise: 'refused by what the manifest says of it',
    codes: ['DATABASE_VERSION_UNSUPPORTED', 'BACKUP_DAMAGED'],
    proofs: [
      component('versions', 'a backup of PostgreSQL 17 is not restored into the older 15'),
      component('versions', 'a server newer than the client tools is DATABASE_VERSION_UNSUPPORTED'),
      unit('restore-steps', 'nothing is written > for a backup of another engine'),
      damage('restore refuses > dumps that changed places, and leaves what is live'),
    ],
  },
  {
    row: 44,
    surface: 'dumps',
    input: 'a role, an extension or a tablespace that the target lacks',
    promise:
      'the preview names roles and extensions; tablespaces are asked for only in the environment that had them, and named by the load',
    codes: ['TARGET_LACKS', 'DATABASE_PRIVILEGE', 'LOAD_FAILED'],
    proofs: [
      component('bad-target', 'a target > without the roles of its own backup is TARGET_LACKS'),
      component('versions', 'an extension that the target cannot install is TARGET_LACKS, and nothing is loaded'),
      component('bad-target', 'a target > without the tablespace of the backup takes its own default'),
    ],
  },
  {
    row: 45,
    surface: 'dumps',
    input: 'a target that is not empty',
    promise: 'replaced only when its name is confirmed, and kept; a name that must not be replaced is refused',
    codes: ['RESTORE_NOT_CONFIRMED', 'NAME_TAKEN', 'RESTORE_NOT_ALLOWED'],
    proofs: [
      command('a restore without confirm'),
      command('a restore with a wrong confirm'),
      component('bad-target', 'a target > whose maintenance database would be replaced is NAME_TAKEN'),
      component(
        'selection',
        'a restore of a part > by --database NAME=AS makes a second database and leaves the first alone',
      ),
    ],
  },
  {
    row: 46,
    surface: 'dumps',
    input: 'commands of the client in a text dump',
    promise: 'dumps have the custom format, and no client that knows commands is started',
    proofs: [golden('sources', 'sources > start no program by a shell, and only those that are known')],
    waits: 'MySQL and MariaDB',
  },
  {
    row: 47,
    surface: 'services',
    input: '429 and 503, with and without Retry-After',
    promise: 'tried again a bounded number of times, with growing pauses, then by the run',
    codes: ['STORE_FAILED'],
    proofs: [
      s3('rides out a few 503 SlowDown and gives up on many'),
      s3('rides out 429, with and without Retry-After'),
      component('bad-storage', 'a storage > that fails now and then is tried again and good in the end'),
    ],
  },
  {
    row: 48,
    surface: 'services',
    input: 'rights that are revoked in mid-run, a token that has expired',
    promise: 'fails with its reason, counts nothing that was not copied',
    codes: ['STORE_DENIED'],
    proofs: [
      component(
        'outages',
        'a bucket > whose rights are revoked while objects are copied is STORE_DENIED, and the next backup is whole',
      ),
      s3('calls 400 ExpiredToken by its name'),
    ],
  },
  {
    row: 49,
    surface: 'services',
    input: 'an operation that is gone when it is asked for',
    promise: 'found again by what it has made, else failed',
    codes: ['SERVICE_NOT_FOUND'],
    proofs: [
      contract(
        'azure-refusals',
        'bad weather > over which Azure forgets the operation is not lost: what was made is there',
      ),
      contract('every-answer-google', 'every answer to a call of Cloud SQL > at sql.operations.get'),
    ],
  },
  {
    row: 50,
    surface: 'services',
    input: 'a conflict with what exists or runs',
    promise: 'our own work is taken for done, that of others never',
    codes: ['OBJECT_EXISTS', 'SNAPSHOT_FAILED'],
    proofs: [
      s3('does not take the object of another for its own'),
      unit('controller/pieces', 'HTTP 409 * is alreadyExists'),
      component(
        'controller/apply',
        'a Workflow of the same name that is not ours is left alone, and the request says so',
      ),
      contract('rds', 'jobs of * > have names that are not taken from others'),
    ],
  },
  {
    row: 51,
    surface: 'services',
    input: 'no connection, one that is cut, one that stays silent',
    promise: 'reads are tried again; before a creation is repeated, what stands there is looked at',
    codes: ['STORE_UNREACHABLE', 'STORE_FAILED'],
    proofs: [
      s3('waits for a slow answer, not for one that never comes'),
      s3('never takes a cut body for a whole one'),
      s3('knows its own object when the answer to its creation was lost'),
    ],
  },
  {
    row: 52,
    surface: 'services',
    input: 'success with an error in it, an empty answer, a page of a proxy',
    promise: 'read, and failed',
    codes: ['STORE_FAILED'],
    proofs: [s3('takes a success that carries an error for an error'), s3('takes a page of a proxy for no answer')],
  },
  {
    row: 53,
    surface: 'services',
    input: 'a list without what was just made',
    promise: 'asked again until a deadline',
    codes: ['SERVICE_BUSY'],
    proofs: [contract('azure-flexible-server', 'what a run leaves > is known before it shows, while Azure makes it')],
  },
  {
    row: 54,
    surface: 'services',
    input: 'a state that we do not know',
    promise: 'asked again until a deadline; an error is one',
    proofs: [unit('transfer-outcome', 'an operation of Storage Transfer > goes on when it says *')],
  },
  {
    row: 55,
    surface: 'services',
    input: 'very many pages, a token of a page that is too old',
    promise: 'listed page by page in bounded memory; a listing that does not go on fails and is tried again',
    codes: ['STORE_FAILED'],
    proofs: [ofEveryStore('lists more than one page'), s3('refuses a listing that is truncated without a token')],
  },
];
