import { type BadInput, component, golden, type Row, unit } from './row.ts';

const refused = (what: string) => unit('environment', `an environment > is refused with ${what}`);
const file = (what: string) => component('bad-yaml', `a file with > ${what} is refused in one line`);
const request = (spec: string) => unit('environment', `requests > ${spec} is good: false`);

const schedules = 'schedules of our own';
const retention = 'retention';

/** What people may write into environments, requests and commands: refused with a reason, or handled. */
export const wishes: readonly (Row & BadInput)[] = [
  {
    row: 1,
    surface: 'names and texts',
    input: 'words that a shell would run',
    promise: 'they travel by argument list and environment; no program is started by a shell',
    proofs: [
      golden('sources', 'sources > start no program by a shell, and only those that are known'),
      golden('lints', 'lints > commands: dist is clean'),
      component('bad-words', 'words that a shell would run > are databases, keys, prefixes and files like any other'),
    ],
  },
  {
    row: 2,
    surface: 'names and texts',
    input: 'a request with a name of 64 or 253 characters',
    promise: 'its Workflow has a name that fits, is its own and is always the same',
    proofs: [
      unit('controller/pieces', 'names of Workflows are DNS labels, whatever the request is called'),
      unit('controller/long-names', 'names of 63, 64 and 253 characters give Workflows names that fit and stay'),
    ],
    waits: schedules,
  },
  {
    row: 3,
    surface: 'names and texts',
    input: 'two requests whose long names begin alike',
    promise: 'two Workflows, two labels, two records of restores',
    proofs: [unit('controller/long-names', 'names that share their first 200 characters stay apart')],
  },
  {
    row: 4,
    surface: 'names and texts',
    input: 'a name with dots, or a digit first',
    promise: 'a DNS label is made of it',
    proofs: [unit('controller/long-names', 'names with dots or a digit first become DNS labels')],
  },
  {
    row: 5,
    surface: 'names and texts',
    input: 'a tag of a template in a value',
    promise: 'braces are refused in every text; no tag stands where text is code',
    codes: ['INPUT_INVALID', 'ENVIRONMENT_INVALID'],
    proofs: [
      unit('controller/decide', 'acceptance > braces: Failed, and nothing is started'),
      unit('bad-requests', 'no text of any kind takes braces, NUL, newlines or other control characters'),
      golden('lints', 'lints > userText: dist is clean'),
    ],
  },
  {
    row: 6,
    surface: 'names and texts',
    input: 'NUL, newlines, half characters, marks that turn the direction of writing',
    promise: 'control characters are refused; the others are kept as they are and shown escaped',
    codes: ['INPUT_INVALID', 'ENVIRONMENT_INVALID'],
    proofs: [
      unit('bad-requests', 'no text of any kind takes braces, NUL, newlines or other control characters'),
      file('a database name with a newline'),
      unit('errors', 'an error > shows marks that turn the direction of writing escaped'),
    ],
  },
  {
    row: 7,
    surface: 'names and texts',
    input: 'a label value that is too long or ends in -',
    promise: 'the label is shortened with a digest; the annotation has the whole name',
    proofs: [unit('controller/long-names', 'labels fit, and the annotation has the whole name')],
  },
  {
    row: 8,
    surface: 'prefixes',
    input: '.. segments, doubled slashes, percent signs, backslashes',
    promise: 'refused in urls of locations; a prefix of a restore is compared with keys and never a path',
    codes: ['ENVIRONMENT_INVALID'],
    proofs: [
      unit('environment', 'urls of locations > "s3://bucket/.."'),
      refused('spec.objectStores.0.url = "s3://bucket/../other"'),
      component('bad-words', 'prefixes that look like paths > restore nothing and write nothing'),
    ],
  },
  {
    row: 9,
    surface: 'prefixes',
    input: 'an empty prefix',
    promise: 'refused; everything is asked for by leaving prefixes out',
    codes: ['INPUT_INVALID'],
    proofs: [
      request(
        'to restore: {"backup":{"id":"retail-prd-backup-20251109-143000"},"into":"uat","confirm":"uat","prefixes":[""]}',
      ),
      unit('restore-choice', 'what a restore takes > is refused for {"prefixes":"[\\"\\"]"}'),
    ],
  },
  {
    row: 10,
    surface: 'destination',
    input: 'a storage that is an object store of the environment',
    promise: 'refused',
    codes: ['ENVIRONMENT_INVALID'],
    proofs: [unit('bad-requests', 'storage and object stores that are one, or one within the other, are refused')],
  },
  {
    row: 11,
    surface: 'destination',
    input: 'a storage within an object store, or the other way round; a target within the storage of the source',
    promise: 'refused: a copy of itself has no end, and a restore never writes into backups',
    codes: ['ENVIRONMENT_INVALID'],
    proofs: [
      unit('bad-requests', 'storage and object stores that are one, or one within the other, are refused'),
      unit('restore-steps', 'nothing is written > into a store that holds the backups, or lies within them'),
    ],
  },
  {
    row: 12,
    surface: 'destination',
    input: 'two requests for one place at one time',
    promise: 'one has it, or both end well one after the other; nothing is overwritten',
    codes: ['BACKUP_ID_TAKEN', 'STORAGE_OWNED', 'DATABASE_BUSY'],
    proofs: [
      component('busy', 'two backups at once are both good, and each leaves the other alone'),
      component(
        'bad-target',
        'a target > that two restores mean at once ends with one good database, and whoever lost says why',
      ),
      component(
        'bad-storage',
        'a storage > in which another run has taken the id is BACKUP_ID_TAKEN, and that run keeps all it has',
      ),
      component('bad-storage', 'a storage > that another cluster writes to is STORAGE_OWNED, until it is adopted'),
    ],
  },
  {
    row: 13,
    surface: 'references',
    input: 'a Secret that is missing, lacks a key or has an empty one',
    promise: 'named, with the key, and nothing written',
    codes: ['SECRET_MISSING'],
    proofs: [
      file('a Secret that is not there'),
      file('a Secret without password'),
      file('a Secret with an empty password'),
      component('bad-storage', 'a storage > with half a key pair is SECRET_MISSING'),
      unit('run-step', 'a step > reads Secrets as they are mounted, without what the mount adds'),
    ],
  },
  {
    row: 14,
    surface: 'references',
    input: 'a Secret or an environment of another namespace',
    promise: 'there is no field for it, and a name with a slash is refused',
    codes: ['ENVIRONMENT_INVALID', 'INPUT_INVALID'],
    proofs: [
      unit('bad-requests', 'nothing refers to another namespace or to a ServiceAccount'),
      file('a name with a slash'),
    ],
  },
  {
    row: 15,
    surface: 'references',
    input: 'a ServiceAccount that may do more',
    promise: 'nobody chooses one: templates name the only one',
    codes: ['ENVIRONMENT_INVALID', 'INPUT_INVALID'],
    proofs: [
      unit('bad-requests', 'nothing refers to another namespace or to a ServiceAccount'),
      golden('lints', 'lints > restricted: dist is clean'),
    ],
  },
  {
    row: 16,
    surface: 'lists',
    input: '10,000 rules, a spec of 1 MB',
    promise: 'every list and text is bounded, so that rules of the API server fit their budget',
    codes: ['ENVIRONMENT_INVALID'],
    proofs: [
      unit('bad-requests', 'ten thousand rules, or rules of a megabyte, are refused at once'),
      golden(
        'structural',
        'structural schemas > are made of every kind, with every text and list bounded: the rules have a cost',
      ),
    ],
  },
  {
    row: 17,
    surface: 'rules',
    input: 'a regular expression that explodes, an empty rule',
    promise: 'rules are globs, read literally otherwise, in time that grows with the key; an empty one is refused',
    codes: ['ENVIRONMENT_INVALID'],
    proofs: [
      unit('filter', 'exclude rules > "(a+)+$" and the key "(a+)+$": true'),
      unit('filter', 'exclude rules > are refused when empty, with their place'),
      unit('filter', 'exclude rules > stay right when there are more states than are kept'),
    ],
  },
  {
    row: 18,
    surface: 'rules',
    input: 'rules that leave out every object of a store',
    promise: 'no success: the store is named, and whoever means it leaves the store out of the components',
    codes: ['NOTHING_SELECTED'],
    proofs: [unit('backup-steps', 'no seal > over a store whose rules leave out every object')],
  },
  {
    row: 19,
    surface: 'retention',
    input: 'a time that is negative, zero, enormous or ends in a space',
    promise: 'refused; the time that replaced databases are kept is the only one there is',
    codes: ['ENVIRONMENT_INVALID'],
    proofs: [
      refused('spec.restore.keepPrevious = "0d"'),
      refused('spec.restore.keepPrevious = "7"'),
      unit('bad-requests', 'times that are negative, zero, enormous or padded are refused'),
    ],
    waits: retention,
  },
  {
    row: 20,
    surface: 'schedules',
    input: 'a schedule that is none or never comes',
    promise: 'refused',
    waits: schedules,
  },
  {
    row: 21,
    surface: 'schedules',
    input: 'an unknown time zone, an hour that comes twice',
    promise: 'refused; runs once',
    waits: schedules,
  },
  {
    row: 22,
    surface: 'numbers',
    input: 'zero, negative, enormous, as text, beyond what a number holds',
    promise: 'bounded by the schema, here as in the API server',
    codes: ['ENVIRONMENT_INVALID'],
    proofs: [
      refused('spec.database.server.port = 0'),
      refused('spec.database.server.port = "5432"'),
      refused('spec.database.server.lockTimeout = -1'),
      unit('bad-requests', 'what zod takes is what the schema of the API server takes, over 5,000 objects'),
    ],
  },
  {
    row: 23,
    surface: 'combinations',
    input: 'no service, or what another service has',
    promise: 'refused by a rule of the schema',
    codes: ['ENVIRONMENT_INVALID'],
    proofs: [
      refused('spec.database = {}'),
      file('no service'),
      component('azure-flexible-server', 'an environment with * is refused before anything'),
      component('cloud-sql', 'an export into another store than Google’s is refused before anything'),
    ],
  },
  {
    row: 24,
    surface: 'immutability',
    input: 'a spec that is edited while its run runs',
    promise: 'requests are immutable but for cancel; a run works from what it claimed',
    proofs: [
      golden('objects', 'CustomResourceDefinitions > carry the immutability of requests'),
      unit('bad-requests', 'the rule that a spec never changes names every field but cancel'),
      unit('backup-steps', 'attempts > work from the claim, whatever becomes of the environment meanwhile'),
    ],
  },
  {
    row: 25,
    surface: 'deletion',
    input: 'a request that is deleted while it runs, twice, or whose run does not end',
    promise: 'its run is stopped once, and the deletion waits for a bounded time',
    codes: ['CANCELLED'],
    proofs: [
      unit(
        'controller/decide',
        'cancel and deletion > deleted while it runs: stopped, and kept until the run has ended',
      ),
      unit('controller/decide', 'cancel and deletion > deletion does not wait for ever'),
      component('controller/endings', 'a deleted request stops its run, and goes when the run has ended'),
    ],
  },
  {
    row: 26,
    surface: 'unknown',
    input: 'a field or an API version that we do not know',
    promise: 'refused with its name',
    codes: ['ENVIRONMENT_INVALID', 'INPUT_INVALID'],
    proofs: [
      file('an unknown field of the spec'),
      file('an unknown field of the server'),
      file('another API version'),
      unit('controller/decide', 'acceptance > unknown field: Failed, and nothing is started'),
    ],
  },
  {
    row: 27,
    surface: 'hosts',
    input: 'an option, a url or a space for a host',
    promise: 'refused; host, port and database travel apart',
    codes: ['ENVIRONMENT_INVALID'],
    proofs: [
      refused('spec.database.server.host = "-oProxy=x"'),
      refused('spec.database.server.host = "a b"'),
      unit('bad-requests', 'hosts that are options or urls are refused'),
    ],
  },
  {
    row: 28,
    surface: 'databases',
    input: 'names with quotes, spaces, percent and equals signs',
    promise: 'quoted for the place they go to; never read as a connection string',
    proofs: [
      unit('postgresql-text', 'quoting > of names, texts and connections reads back the same and ends where it should'),
      component('bad-words', 'words that a shell would run > are databases, keys, prefixes and files like any other'),
      unit('names', 'places in storage > of dumps stay one file below the run, whatever the database is called'),
    ],
  },
];
