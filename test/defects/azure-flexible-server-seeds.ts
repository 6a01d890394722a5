import { contract, type Seed, unit } from './seed.ts';

const azure = (name: string) => contract('azure-flexible-server', name);
const refusals = (name: string) => contract('azure-refusals', name);

/** Flexible servers of Azure: what is made twice, what is left, whose it is, and what is taken for the point. */
export const azureFlexibleServerSeeds: readonly Seed[] = [
  {
    breaks: 'a server of somebody else is taken for ours, and changed',
    file: 'steps/services/azure-flexible-server.ts',
    find: 'if (found && found.tags?.[tag] !== job.description)',
    replace: 'if (found && found.tags === undefined)',
    test: azure('jobs > have names that are not taken from others, for to create what exists is to change it'),
  },
  {
    breaks: 'what people restored out of a temporary server is removed',
    file: 'steps/services/azure-flexible-server.ts',
    find: 'if (!description.startsWith(prefix) || name !== nameFor(description)) continue;',
    replace: 'if (!description.startsWith(prefix)) continue;',
    test: azure('what a run leaves > is nothing that people made of it, though it has its tags'),
  },
  {
    breaks: 'a manifest may name the live server for deletion',
    file: 'steps/services/azure-flexible-server.ts',
    find: "if (!ours.test(name) || (kind === 'snapshot' && !backupIds.test(id)))",
    replace: "if (kind === 'snapshot' && id === '')",
    test: azure('what a run leaves > is never the live server, whatever a manifest says'),
  },
  {
    breaks: 'an on-demand backup that does not show yet is forgotten',
    file: 'steps/services/azure-flexible-server.ts',
    find: 'if (names.has(name)) continue;',
    replace: 'if (kind !== undefined) continue;',
    test: azure('what a run leaves > is known before it shows, while Azure makes it'),
  },
  {
    breaks: 'an operation of Azure that ended Failed counts as done',
    file: 'steps/services/azure-flexible-server.ts',
    find: "if (over === undefined || over.status === 'Succeeded') return;",
    replace: 'if (over !== undefined) return;',
    test: azure('a backup that Azure took and that ends Failed > because there are seven says what to do'),
  },
  {
    breaks: 'a server is restored before the log of its point is stored',
    file: 'steps/services/azure-flexible-server.ts',
    find: 'if (new Date() < stored)',
    replace: 'if (job.until === time)',
    test: azure(
      'a temporary server > is asked for when the log of its point is stored, and of no point before the first backup',
    ),
  },
  {
    breaks: 'only the first page of what there is at Azure is read',
    file: 'steps/services/azure-calls.ts',
    find: "path = nextLink ? pathOf(nextLink, 'https://azure') : undefined;",
    replace: 'path = undefined;',
    test: azure('jobs > are found again when the answer was lost, page after page, and are never made twice'),
  },
  {
    breaks: 'a request of which the answer was lost is sent to Azure again at once',
    file: 'steps/services/azure-client.ts',
    find: "(ask.method === 'GET' && error.code === 'SERVICE_FAILED')",
    replace: "error.code === 'SERVICE_FAILED'",
    test: refusals('bad weather > 503 ServiceUnavailable at submission is SERVICE_FAILED, and is not asked for again'),
  },
  {
    breaks: 'a token that Azure does not take any more is used for ever',
    file: 'steps/services/azure-client.ts',
    find: '[token, renewed] = [undefined, true];',
    replace: '[renewed] = [true];',
    test: refusals('who asks > asks for one token, and for another when that has expired'),
  },
  {
    breaks: 'a server that was restored to an earlier time is dumped as the point',
    file: 'steps/runtime/temporary-server.ts',
    find: "if (asOf === 'snapshot' || facts.position === undefined ||",
    replace: 'if (facts.until !== undefined ||',
    test: unit('temporary-server', 'a temporary server of a time > whose log does not reach the point is not dumped'),
  },
  {
    breaks: 'the point of a restored server is before what was committed by then',
    file: 'steps/runtime/temporary-server.ts',
    find: 'getTime() / 1000 + 1) * 1000',
    replace: 'getTime() / 1000) * 1000',
    test: unit('temporary-server', 'a temporary server of a time > is of the next whole second of the live server'),
  },
];
