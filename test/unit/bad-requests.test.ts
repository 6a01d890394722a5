import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workflowBody } from '../../controller/bodies.ts';
import { accept } from '../../controller/decide-acceptance.ts';
import { environmentView } from '../../controller/views/environment-view.ts';
import { type RequestKind, type RequestView, requestView } from '../../controller/views/request-view.ts';
import { type Kind, kinds } from '../../core/api/index.ts';
import { structuralSchema } from '../../core/api/structural.ts';
import { catalogue } from '../../core/errors.ts';
import { flows } from '../../core/flow/index.ts';
import { completeParameters, parseEnvironment, renderConfigMapData } from '../../core/plan/environment.ts';
import { serviceNames } from '../../core/services/index.ts';
import { apiServer, rulesOf } from './support/api-server.ts';
import { propertiesOf, spoiled } from './support/schema-arbitrary.ts';
import { environmentInput } from './support/samples.ts';

/** Objects of every kind, right and wrong, through all that looks at them before a run begins. */

const names = Object.keys(kinds) as Kind[];
const schemas = Object.fromEntries(names.map((kind) => [kind, structuralSchema(kinds[kind].spec, 'spec')])) as Readonly<
  Record<Kind, ReturnType<typeof structuralSchema>>
>;
const seed = 20_260_301;
const meta = {
  uid: '0a1b2c3d-0000-4000-8000-000000000000',
  name: 'mine',
  namespace: 'retail',
  resourceVersion: '7',
  generation: 1,
  creationTimestamp: '2026-03-01T10:00:00Z',
};

const environmentOf = (spec: unknown) => ({
  view: environmentView({ metadata: { ...meta, name: 'prd' }, spec }),
  configMapCurrent: true,
});
const good = environmentOf(environmentInput().spec);
/** Requests of all names mean the same environment: here it is their wish that is looked at. */
const decide = (request: RequestView, environment = good) =>
  accept({
    request,
    environment,
    source: environment,
    workflow: undefined,
    verify: undefined,
    synced: true,
    creationWaitMs: 0,
    sinceSeenMs: 0,
    sinceStatusMs: Number.POSITIVE_INFINITY,
    refusal: undefined,
  });

const isCode = (code: string): boolean => Object.hasOwn(catalogue, code);

/** Decides as the controller does; what it would start is planned to the end. Says what came of it. */
const through = (kind: Kind, spec: unknown): string => {
  if (kind === 'BackupEnvironment') {
    const { verdict } = environmentOf(spec).view;
    if (!verdict.ok) return verdict.code;
    const data = renderConfigMapData(verdict.environment);
    expect(parseEnvironment(JSON.parse(data['environment.json']), 'w')).toEqual(verdict.environment);
    return 'ready';
  }
  const request = requestView(kind satisfies RequestKind)({ metadata: meta, spec, status: {} });
  const verdict = decide(request);
  if (verdict.is !== 'accepted') return verdict.code;
  const { flow, parameters } = verdict.workflow;
  completeParameters(flows[flow].parameters, parameters);
  // The parameters of databases and prefixes are JSON; no text in them holds braces of its own.
  const { databases: _databases, ...plain } = parameters;
  expect(JSON.stringify(Object.values(plain))).not.toMatch(/[{}]/);
  expect(JSON.stringify(workflowBody(verdict.workflow, request, { instanceId: undefined }))).not.toContain('{{');
  return 'accepted';
};

const minimal: Readonly<Record<Kind, object>> = {
  BackupEnvironment: environmentInput().spec,
  BackupRequest: { environment: 'prd' },
  RestoreRequest: { backup: { latest: true }, into: 'prd', confirm: 'prd' },
};

const withField = (spec: unknown, name: string, value: unknown): unknown => ({ ...Object(spec), [name]: value });

describe.each(names)('objects of kind %s', (kind) => {
  const server = apiServer(schemas[kind]);

  it('that are good are taken by all', () => {
    expect(server(minimal[kind])).toMatchObject({ ok: true });
    expect(through(kind, minimal[kind])).toMatch(/^(ready|accepted)$/);
  });

  it('with a field that nobody knows are refused by all', () => {
    const odd = withField(minimal[kind], 'serviceAccountName', 'admin');
    expect(server(odd)).toMatchObject({ ok: false });
    expect(through(kind, odd)).toMatch(/INVALID/);
  });
});

const same = (spec: Record<string, unknown>): unknown => spec;
const urlOf = (location: unknown): string => String((Object(location) as { readonly url?: unknown }).url);
/** A service that copies fits few of all places. */
const transferable = ({ objectStores, ...spec }: Record<string, unknown>): unknown => {
  if (!Array.isArray(objectStores)) return { ...spec, ...(objectStores !== undefined && { objectStores }) };
  const fits = (store: Record<string, unknown>): unknown => {
    const isWithin = [store, spec['storage']].every((each) => urlOf(each).startsWith('gs://'));
    if (isWithin && store['storageTransfer'] !== undefined) return { ...store, mover: 'storage-transfer' };
    const { storageTransfer: _, mover, ...plain } = store;
    return { ...plain, ...(mover !== undefined && { mover: mover === 'storage-transfer' ? 'auto' : mover }) };
  };
  return { ...spec, objectStores: (objectStores as readonly Record<string, unknown>[]).map(fits) };
};
/** Exactly one service must be given, and the more there are the less often it is drawn: of three and more the first stays. */
const fewServices = (spec: Record<string, unknown>): Record<string, unknown> => {
  const database = Object(spec['database']) as Record<string, unknown>;
  const [first, ...others] = serviceNames.filter((name) => database[name] !== undefined);
  if (first === undefined || others.length < 2) return spec;
  const without = Object.entries(database).filter(([name]) => !others.some((other) => other === name));
  return { ...spec, database: Object.fromEntries(without) };
};
/** Copies seldom fit together by chance: the first stays, and the lock where the storage can hold one. */
const fewCopies = (spec: Record<string, unknown>): Record<string, unknown> => {
  const storage = Object(spec['storage']) as Record<string, unknown>;
  const { copies, immutability, ...plain } = storage;
  const kept = {
    ...(Array.isArray(copies) && { copies: copies.slice(0, 1) as unknown[] }),
    ...(immutability !== undefined && !urlOf(storage).startsWith('file') && { immutability }),
  };
  return spec['storage'] === undefined ? spec : { ...spec, storage: { ...plain, ...kept } };
};
const adjust: Readonly<Record<Kind, (spec: Record<string, unknown>) => unknown>> = {
  BackupEnvironment: (spec) => transferable(fewServices(fewCopies(spec))),
  BackupRequest: same,
  RestoreRequest: ({ newServer, ...spec }) => {
    const { id } = Object(spec['backup']) as Record<string, unknown>;
    const beside = spec['databaseMode'] === 'new-server' && newServer !== undefined && { newServer };
    return { ...spec, ...beside, backup: id === undefined ? { latest: true } : { id }, confirm: spec['into'] };
  },
};

it('what zod takes is what the schema of the API server takes, over 5,000 objects', () => {
  const runs: Readonly<Record<Kind, number>> = { BackupEnvironment: 2500, BackupRequest: 1000, RestoreRequest: 1500 };
  for (const kind of names) {
    const server = apiServer(schemas[kind]);
    const count = { taken: 0, refused: 0 };
    const codes = new Set<string>();
    fc.assert(
      fc.property(spoiled(schemas[kind], adjust[kind]), (spec) => {
        const said = server(spec);
        const own = kinds[kind].spec.safeParse(said.ok ? said.stored : spec);
        expect({ taken: own.success, why: own.error?.issues[0]?.message, said }).toMatchObject({ taken: said.ok });
        const outcome = through(kind, said.ok ? said.stored : spec);
        codes.add(outcome);
        const reasons = /^(INPUT_INVALID|ENVIRONMENT_INVALID|RESTORE_NOT_CONFIRMED)$/;
        const fits = said.ok ? outcome === 'accepted' || outcome === 'ready' || isCode(outcome) : reasons.test(outcome);
        expect([outcome, fits]).toEqual([outcome, true]);
        count[said.ok ? 'taken' : 'refused']++;
      }),
      { numRuns: runs[kind], seed },
    );
    // A generator that is only ever right, or only ever wrong, shows nothing.
    expect(Math.min(count.taken, count.refused)).toBeGreaterThan(runs[kind] / 20);
    expect(codes.size).toBeGreaterThan(2);
  }
  // Processor time alone, of which a busy machine gives little.
}, 60_000);

/** Every text of a kind, with a way to put something else there. */
const textsOf = (schema: ReturnType<typeof structuralSchema>, path: readonly string[] = []): string[][] => {
  if (schema.type === 'string') return schema['enum'] === undefined ? [[...path]] : [];
  const { items } = schema;
  if (schema.type === 'array') return textsOf(items as typeof schema, [...path, '0']);
  return [...propertiesOf(schema)].flatMap(([name, inner]) => textsOf(inner, [...path, name]));
};

const putAt = (base: unknown, [first = '', ...rest]: readonly string[], value: unknown): unknown => {
  if (first === '0') return [rest.length === 0 ? value : putAt(Array.isArray(base) ? base[0] : {}, rest, value)];
  const holder = Object(base) as Record<string, unknown>;
  return { ...holder, [first]: rest.length === 0 ? value : putAt(holder[first], rest, value) };
};

/** Whether it is that field which is refused. */
const isRefused = (kind: Kind, path: readonly string[], value: unknown): boolean => {
  const whole = minimal[kind];
  const parsed = kinds[kind].spec.safeParse(putAt(whole, path, value));
  return parsed.error?.issues.some((issue) => issue.path.join('.') === path.join('.')) ?? false;
};

it('no text of any kind takes braces, NUL, newlines or other control characters', () => {
  const wrong = [
    '{{workflow.name}}',
    "{{=sprig.env('X')}}",
    'a{b',
    'a}b',
    'a\u0000b',
    'a\nb',
    'a\rb',
    'a\u001bb',
    'a\u007fb',
  ];
  for (const kind of names) {
    const texts = textsOf(schemas[kind]);
    const taken = texts.flatMap((path) =>
      wrong
        .filter((value) => !isRefused(kind, path, value))
        .map((value) => `${path.join('.')}: ${JSON.stringify(value)}`),
    );
    expect(taken).toEqual([]);
  }
});

const refused = (path: string, value: unknown): boolean => isRefused('BackupEnvironment', path.split('.'), value);

/** The rules of the whole have no place of their own: who breaks one is refused with its words. */
const whyOf = (change: object): string => {
  const parsed = kinds.BackupEnvironment.spec.safeParse({ ...environmentInput().spec, ...change });
  return parsed.error?.issues.map(({ message }) => message).join() ?? 'taken';
};

it('storage and object stores that are one, or one within the other, are refused', () => {
  const server = apiServer(schemas.BackupEnvironment);
  const [store] = environmentInput().spec.objectStores;
  const { endpoint = '' } = store ?? {};
  const at = (url: string, storageUrl: string, of = endpoint) => ({
    objectStores: [{ ...store, url }],
    storage: { url: storageUrl, endpoint: of },
  });
  const within: readonly (readonly [string, string])[] = [
    ['s3://one', 's3://one'],
    ['s3://one/', 's3://one'],
    ['s3://one', 's3://one/backups'],
    ['s3://one/documents', 's3://one'],
    ['s3://one/a/b', 's3://one/a/'],
  ];
  for (const [documents, backups] of within) {
    expect(whyOf(at(documents, backups))).toBe('storage and objectStores must not lie within each other');
    expect(server({ ...environmentInput().spec, ...at(documents, backups) })).toMatchObject({ ok: false });
  }
  for (const fine of [
    at('s3://one', 's3://two'),
    at('s3://one/a', 's3://one/ab'),
    at('s3://one', 's3://one', 'https://b'),
  ])
    expect([whyOf(fine), server({ ...environmentInput().spec, ...fine })]).toEqual([
      'taken',
      expect.objectContaining({ ok: true }),
    ]);
});

it('nothing refers to another namespace or to a ServiceAccount', () => {
  for (const kind of names) {
    for (const field of ['namespace', 'serviceAccount', 'serviceAccountName', 'secretRef'])
      expect(through(kind, withField(minimal[kind], field, 'other'))).toMatch(/INVALID/);
  }
  for (const path of [
    'database.credentials.secretName',
    'objectStores.0.credentials.secretName',
    'storage.credentials.secretName',
  ])
    expect(['other/db', 'other:db', '../db'].filter((name) => !refused(path, name))).toEqual([]);
  expect(kinds.RestoreRequest.spec.safeParse({ ...minimal.RestoreRequest, source: 'other/prd' }).success).toBe(false);
  expect(whyOf({ scheduling: { serviceAccountName: 'admin' } })).toContain('Unrecognized key');
});

it('ten thousand rules, or rules of a megabyte, are refused at once', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => `tmp/${index}`);
  expect(refused('objectStores.0.exclude', many)).toBe(true);
  expect(refused('objectStores.0.exclude.0', 'x'.repeat(1_000_000))).toBe(true);
  const restore = (prefixes: readonly string[]) => ({ ...minimal.RestoreRequest, prefixes });
  expect(through('RestoreRequest', restore(many))).toBe('INPUT_INVALID');
  expect(through('RestoreRequest', restore(['x'.repeat(1_000_000)]))).toBe('INPUT_INVALID');
});

it('times that are negative, zero, enormous or padded are refused', () => {
  for (const path of ['restore.keepPrevious', 'scheduling.deadline'])
    expect(
      ['-1d', '0s', '1000000000d', '30d ', ' 30d', '1.5h', '1e3s', ''].filter((time) => !refused(path, time)),
    ).toEqual([]);
});

it('hosts that are options or urls are refused', () => {
  const hosts = [
    '-h evil',
    '-hevil',
    '--host=evil',
    'postgres://x?options=-c',
    'a;b',
    'a$(id)',
    'a`id`',
    "a'b",
    'a=b',
    'a,b c',
  ];
  expect(hosts.filter((host) => !refused('database.server.host', host))).toEqual([]);
});

it('keys of labels in scheduling hold no tags', () => {
  for (const key of ['{{workflow.name}}', 'a b', '', '-a', 'x'.repeat(318)])
    expect(whyOf({ scheduling: { nodeSelector: { [key]: 'x' } } })).not.toBe('taken');
  expect(whyOf({ scheduling: { nodeSelector: { 'node-role.kubernetes.io/backup': '' } } })).toBe('taken');
});

it('the rule that a spec never changes names every field but cancel', () => {
  for (const kind of ['BackupRequest', 'RestoreRequest'] as const) {
    const rule = rulesOf(schemas[kind]).find(({ message }) => message.startsWith('spec is immutable'))?.rule ?? '';
    const fields = [...propertiesOf(schemas[kind]).keys()].filter((name) => name !== 'cancel');
    expect(fields.filter((name) => !rule.includes(`self.${name} == oldSelf.${name}`))).toEqual([]);
    expect(rule).not.toContain('cancel');
  }
});
