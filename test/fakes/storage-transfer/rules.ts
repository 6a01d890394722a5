// What Google refuses in a job before there is one.
import { Refusal } from '../google/google-api.ts';

export interface BucketPath {
  readonly bucketName?: string;
  readonly path?: string;
}

export interface ObjectConditions {
  readonly includePrefixes?: readonly string[];
  readonly excludePrefixes?: readonly string[];
}

export interface TransferSpec {
  readonly gcsDataSource?: BucketPath;
  readonly gcsDataSink?: BucketPath;
  readonly objectConditions?: ObjectConditions;
  readonly transferManifest?: { readonly location?: string };
  readonly transferOptions?: {
    readonly overwriteWhen?: string;
    readonly overwriteObjectsAlreadyExistingInSink?: boolean;
    readonly deleteObjectsUniqueInSink?: boolean;
    readonly deleteObjectsFromSourceAfterTransfer?: boolean;
    readonly metadataOptions?: Readonly<Record<string, string>>;
  };
}

export interface TransferJobBody {
  readonly name?: string;
  readonly projectId?: string;
  readonly status?: string;
  readonly description?: string;
  readonly transferSpec?: TransferSpec;
  readonly loggingConfig?: unknown;
}

export const invalid = (message: string): Refusal => new Refusal(400, 'INVALID_ARGUMENT', message);

export const checkJob = ({ name = '', projectId, status, description = '', transferSpec }: TransferJobBody): void => {
  if (projectId === undefined) throw invalid('project_id is required.');
  if (status !== 'ENABLED' && status !== 'DISABLED') throw invalid('status must be specified.');
  if (!/^transferJobs\/(?!OPI)[A-Za-z0-9\-._~]*[A-Za-z0-9]$/.test(name) || name.length > 128)
    throw invalid(`Invalid job name ${name}.`);
  if (Buffer.byteLength(description) > 1024) throw invalid('description is too long.');
  checkSpec(transferSpec ?? {});
};

export const checkSpec = ({
  gcsDataSource,
  gcsDataSink,
  objectConditions,
  transferManifest,
  transferOptions,
}: TransferSpec): void => {
  for (const [what, at] of Object.entries({ gcsDataSource, gcsDataSink })) {
    if (at?.bucketName === undefined) throw invalid(`${what} needs a bucket.`);
    const { path = '' } = at;
    if (path.startsWith('/') || (path !== '' && !path.endsWith('/')))
      throw invalid(`The path of ${what} must be empty, or end with a slash and not begin with one.`);
  }
  checkPrefixes(objectConditions ?? {});
  const { location } = transferManifest ?? {};
  if (location !== undefined && !/^gs:\/\/[^/]+\/.+$/.test(location)) throw invalid('The manifest must be in gs://.');
  checkOptions(transferOptions ?? {});
};

const checkOptions = ({
  deleteObjectsUniqueInSink: unique,
  deleteObjectsFromSourceAfterTransfer: source,
}: NonNullable<TransferSpec['transferOptions']>): void => {
  if (unique === true && source === true) throw invalid('The options to delete exclude each other.');
};

const checkPrefixes = ({ includePrefixes = [], excludePrefixes = [] }: ObjectConditions): void => {
  for (const list of [includePrefixes, excludePrefixes]) {
    if (list.length > 1000) throw invalid('At most 1000 prefixes.');
    for (const prefix of list) {
      if (prefix === '' || prefix.startsWith('/') || /[\r\n]/.test(prefix) || Buffer.byteLength(prefix) > 1024)
        throw invalid(`Invalid prefix ${prefix}.`);
      if (list.some((other) => other !== prefix && prefix.startsWith(other)))
        throw invalid(`${prefix} begins with another prefix.`);
    }
    if (new Set(list).size < list.length) throw invalid('A prefix is given twice.');
  }
  const isWithin = (prefix: string): boolean => includePrefixes.some((each) => prefix.startsWith(each));
  if (includePrefixes.length > 0 && !excludePrefixes.every(isWithin))
    throw invalid('Each exclude prefix must begin with an include prefix.');
};

/** Literally: a star is a star. */
export const meets = (name: string, { includePrefixes = [], excludePrefixes = [] }: ObjectConditions): boolean =>
  (includePrefixes.length === 0 || includePrefixes.some((prefix) => name.startsWith(prefix))) &&
  !excludePrefixes.some((prefix) => name.startsWith(prefix));

export interface ManifestRow {
  readonly name: string;
  readonly generation: string | undefined;
}

/** Names, and versions where there are any. */
export const parseManifest = (text: string): ManifestRow[] => {
  const rows: ManifestRow[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/gy;
  let fields: string[] = [];
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    if (match === null) throw new Error('the manifest is no CSV');
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    const [name = '', generation] = fields;
    rows.push({ name, generation });
    fields = [];
  }
  return rows;
};
