import { component, contract, type Seed, unit } from './seed.ts';

const gs = (name: string) => contract('gs-store', `object store: gs > ${name}`);
const gsFaults = (name: string) => contract('gs-faults', `gs when the service or the network fails > ${name}`);
const gsCopy = (name: string) => contract('copies', `copy within Google Cloud Storage > ${name}`);
const azblob = (name: string) => contract('azblob-store', `object store: azblob > ${name}`);
const azblobFaults = (name: string) =>
  contract('azblob-faults', `azblob when the service or the network fails > ${name}`);
const azblobCopy = (name: string) => contract('copies', `copy within Azure > ${name}`);
const outOfReach = (name: string) => contract('out-of-reach', `out of reach in ${name}`);

/** What Google Cloud Storage and Azure Blob Storage are asked, and what is believed of what they say. */
export const cloudsSeeds: readonly Seed[] = [
  {
    breaks: 'a creation in Google Cloud Storage overwrites',
    file: 'steps/stores/gs-object.ts',
    find: "options.createOnly === true ? { ifGenerationMatch: '0' } : {}",
    replace: '({})',
    test: gs('replaces an object, and creates only where nothing is when asked'),
  },
  {
    breaks: 'a listing of Google that is out of order counts',
    file: 'steps/stores/gs-list.ts',
    find: 'if (last !== undefined && compareUtf8(last, key) >= 0)',
    replace: 'if (last === key)',
    test: gsFaults('refuses a listing that is out of order'),
  },
  {
    breaks: 'the md5 of what Google took is not compared',
    file: 'steps/stores/gs-object.ts',
    find: "if (checksum?.algorithm !== 'md5' || ",
    replace: "if (checksum?.algorithm !== 'none' || ",
    test: gsFaults('refuses bytes that do not arrive as they were sent, and removes them'),
  },
  {
    breaks: 'an upload does not ask how far it got',
    file: 'steps/stores/gs-upload.ts',
    find: '    held = undefined;\n',
    replace: '',
    test: gsFaults('asks how far an upload got when answers are lost, and loses nothing'),
  },
  {
    breaks: 'a repeated creation in Google Cloud Storage takes its own echo for another’s object',
    file: 'steps/stores/gs-put.ts',
    find: 'if (tries.count > 1 && ',
    replace: 'if (tries.count > 9 && ',
    test: gsFaults('knows its own object when the answer to its creation was lost, and that of another'),
  },
  {
    breaks: 'a copy within Google Cloud Storage stops before Google is done',
    file: 'steps/movers/copy-gs.ts',
    find: "partOf(answer, 'done') === true ? resourceOf(partOf(answer, 'resource')) : undefined;",
    replace:
      "resourceOf(partOf(answer, 'resource') ?? { name: order.to, size: order.from.size, generation: '1', updated: order.from.mtime });",
    test: gsCopy('goes on until Google is done, with both conditions in every call'),
  },
  {
    breaks: 'later calls of a copy within Google Cloud Storage lose the condition',
    file: 'steps/movers/copy-gs.ts',
    find: "ifGenerationMatch: order.createOnly ? '0' : undefined,",
    replace: "ifGenerationMatch: order.createOnly && token === undefined ? '0' : undefined,",
    test: gsCopy('never overwrites what came between two calls'),
  },
  {
    breaks: 'a copy within Google Cloud Storage takes any source',
    file: 'steps/movers/copy-gs.ts',
    find: '          ifSourceGenerationMatch: order.from.version,\n',
    replace: '',
    test: contract('movers', 'mover: copy, within gs > says changed or vanished, and leaves nothing there'),
  },
  {
    breaks: 'composite objects are not compared',
    file: 'steps/movers/copy-gs.ts',
    find: 'return crc32c !== undefined && crc32c === copied.crc32c;',
    replace: 'return crc32c !== undefined;',
    test: gsCopy('compares composite objects, which have no md5, by crc32c'),
  },
  {
    breaks: 'a key of Google travels over plain http',
    file: 'steps/runtime/google-key.ts',
    find: "endpoint?.startsWith('http://') === true && key !== ''",
    replace: "endpoint === '' && key !== ''",
    test: contract('gs-faults', 'who asks Google > is nobody over plain http, and no key goes there'),
  },
  {
    breaks: 'a creation in Azure overwrites',
    file: 'steps/stores/azblob-put.ts',
    find: "...(options.createOnly === true && { conditions: { ifNoneMatch: '*' } }),",
    replace: '',
    test: azblob('replaces an object, and creates only where nothing is when asked'),
  },
  {
    breaks: 'what is gone from Azure counts as changed',
    file: 'steps/stores/azblob.ts',
    find: '(await tryHead(context, key)) === undefined ? objectNotFound : objectChanged',
    replace: 'objectChanged',
    test: azblob('reads one version or says that it changed'),
  },
  {
    breaks: 'a listing of Azure is left in the order of UTF-16',
    file: 'steps/stores/azblob-list.ts',
    find: 'held.sort((a, b) => compareUtf8(a.key, b.key))',
    replace: 'held',
    test: azblobFaults('puts a listing by UTF-16 units into the order of UTF-8 bytes'),
  },
  {
    breaks: 'a repeated creation in Azure takes its own echo for another’s object',
    file: 'steps/stores/azblob-put.ts',
    find: 'tries.count > 1 && isSame(standing, doubt)',
    replace: 'tries.count > 9 && isSame(standing, doubt)',
    test: azblobFaults('knows its own object when the answer to its creation was lost, and that of another'),
  },
  {
    breaks: 'a pending copy within Azure counts as done',
    file: 'steps/movers/copy-azblob.ts',
    find: "if (standing?.copyStatus !== 'pending') return standing;",
    replace: "return standing && { ...standing, copyStatus: 'success', contentLength: order.from.size };",
    test: azblobCopy('is done when Azure says so, and not before'),
  },
  {
    breaks: 'a copy within Azure that failed leaves its empty object',
    file: 'steps/movers/copy-azblob.ts',
    find: '    await deleteBlob(to, order.to, object.version);\n',
    replace: '',
    test: azblobCopy('removes what a copy that failed leaves'),
  },
  {
    breaks: 'a copy within Azure takes any source',
    file: 'steps/movers/copy-azblob.ts',
    find: '      sourceConditions: { ifMatch: `"${order.from.version}"` },\n',
    replace: '',
    test: contract('movers', 'mover: copy, within azblob > says changed or vanished, and leaves nothing there'),
  },
  {
    breaks: 'the md5 of a copy within Azure is not compared',
    file: 'steps/movers/copy-azblob.ts',
    find: "done.copyStatus !== 'success' || object.size !== order.from.size || isOther",
    replace: "done.copyStatus !== 'success' || object.size !== order.from.size",
    test: azblobCopy('does not believe a copy of another md5, and removes it'),
  },
  {
    breaks: 'an Azure account in a url is no part of the bucket',
    file: 'core/stores/azblob.ts',
    find: '([a-z0-9]{3,24}\\/[a-z0-9]',
    replace: '[a-z0-9]{3,24}\\/([a-z0-9]',
    test: unit('environment', 'urls of locations > "azblob://account/container"'),
  },
  {
    breaks: 'a backup asks for a right that it need not have',
    file: 'steps/movers/copy-gs.ts',
    find: "          ifGenerationMatch: order.createOnly ? '0' : undefined,\n",
    replace: '',
    test: component('store-permissions', 'gs > backup'),
  },
  {
    breaks: 'a policy gives more than is needed',
    file: 'core/permissions/stores.ts',
    find: "      backup: [...gsRead, 'storage.objects.create'],",
    replace: "      backup: [...gsRead, 'storage.objects.create', 'storage.objects.delete'],",
    test: component('store-permissions', 'gs > backup'),
  },
  {
    breaks: 'an object with a key of the customer is tried again and again',
    file: 'steps/stores/s3-errors.ts',
    find: "if (name === 'InvalidRequest' &&",
    replace: "if (name === 'Invalid' &&",
    test: outOfReach('s3 > an object with a key of the customer is STORE_DENIED'),
  },
  {
    breaks: 'a HEAD that is refused without a word may pass',
    file: 'steps/stores/s3-errors.ts',
    find: "if (status === 400 && name.startsWith('Unknown'))",
    replace: "if (status === 400 && name === 'Unknown')",
    test: outOfReach('s3 > a bucket in another region than is signed for is STORE_DENIED'),
  },
  {
    breaks: 'a bucket whose readers pay is tried again and again',
    file: 'steps/stores/gs-context.ts',
    find: "  required: 'STORE_DENIED',\n",
    replace: '',
    test: outOfReach('gs > a requester-pays bucket (required) is STORE_DENIED'),
  },
  {
    breaks: 'a permission that is missing at Google is tried again and again',
    file: 'steps/stores/store-error.ts',
    find: "403: 'STORE_DENIED', ",
    replace: '',
    test: contract(
      'permissions-of-stores',
      'who lacks a permission at gs > storage.objects.get: each call that needs it says so, and no other is refused',
    ),
  },
  {
    breaks: 'an object above 5 GiB is copied by one request',
    file: 'steps/movers/copy-s3.ts',
    find: 'const requestLimit = 5 * gibibyte;',
    replace: 'const requestLimit = 50 * gibibyte;',
    test: contract('five-gigabytes', 'an object of 5368709121 bytes is copied in parts that S3 takes, without a gap'),
  },
  {
    breaks: 'a deletion at Azure of what is gone fails',
    file: 'steps/services/azure-calls.ts',
    find: "if (!hasCode(error, 'SERVICE_NOT_FOUND')) throw error;",
    replace: 'throw error;',
    test: contract('every-answer-azure', 'every answer to a call of Azure > at backups.delete'),
  },
  {
    breaks: 'a job waits for ever while something else runs',
    file: 'steps/runtime/jobs.ts',
    find: 'if (clock.now().getTime() > until) throw error;',
    replace: '',
    test: unit('jobs', 'a job > waits for an hour while something else runs, and not for longer than its run may'),
  },
  {
    breaks: 'a write at RDS that a cut connection hid is taken for another’s',
    file: 'steps/services/rds.ts',
    find: 'found?.tags.get(tag) === job.description',
    replace: 'found?.tags.get(tag) === job.kind',
    test: contract('every-answer-rds', 'every answer to a call about an instance > at CreateDBSnapshot'),
  },
  {
    breaks: 'what leaves a region costs nothing',
    file: 'core/plan/estimate.ts',
    find: ' || from.region !== to.region',
    replace: '',
    test: unit('estimate', 'the estimate of a preview > says what leaves the region'),
  },
];
