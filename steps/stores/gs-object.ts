import { Lc2Error } from '../../core/errors.ts';
import type { PutOptions } from '../../core/ports/object-store.ts';
import { throwIfCancelled } from './bodies.ts';
import { type GsAnswer, jsonOf } from './gs-calls.ts';
import {
  type GsContext,
  isRefused,
  objectPath,
  type Resource,
  resourceFields,
  resourceOf,
  translate,
  whereIs,
} from './gs-context.ts';

/** What both ways of writing an object share, and the calls about one version of it. */

export interface PutTask {
  readonly context: GsContext;
  readonly key: string;
  readonly options: PutOptions;
}

/** What goes with the bytes. Google compares the md5 before there is an object. */
export const descriptionOf = ({ context, key, options }: PutTask, md5?: string): string =>
  JSON.stringify({
    name: context.prefix + key,
    contentType: options.contentType ?? 'application/octet-stream',
    ...(options.metadata !== undefined && { metadata: options.metadata }),
    ...(md5 !== undefined && { md5Hash: md5 }),
  });

/** Decided by Google: 0 is the generation of what does not exist. */
export const conditionOf = ({ options }: PutTask): Record<string, string> =>
  options.createOnly === true ? { ifGenerationMatch: '0' } : {};

/** The answer to an upload; what Google holds under the key must have the md5 of what was sent. */
export const written = async ({ context, key }: PutTask, answer: GsAnswer, md5: string): Promise<Resource> => {
  const resource = resourceOf(await jsonOf(answer));
  if (resource === undefined)
    throw new Lc2Error('STORE_FAILED', 'the store does not say what it took', { where: whereIs(context, key) });
  const { checksum } = resource.info;
  if (checksum?.algorithm !== 'md5' || checksum.value === Buffer.from(md5, 'base64').toString('hex')) return resource;
  // Not what was sent: gone again, unless somebody else has replaced it.
  await deleteVersion(context, key, resource.generation);
  throw new Lc2Error('STORE_FAILED', 'the store holds other bytes than were sent', { where: whereIs(context, key) });
};

/** Gone already, or replaced by somebody else, is as good. */
export const deleteVersion = async (context: GsContext, key: string, generation: string): Promise<void> => {
  const path = objectPath(context.bucket, context.prefix + key);
  try {
    await context.calls.ask({ method: 'DELETE', path, query: { ifGenerationMatch: generation } }, context.signal);
  } catch (error) {
    if (!isRefused(error, 404) && !isRefused(error, 412)) throw translate(context, key, error);
  }
};

/** How a request names a version: the one that must be current, or one that may no longer be. */
export type Named = { readonly ifGenerationMatch?: string | undefined } | { readonly generation: string };

/** The object as it is now, or of one version: OBJECT_CHANGED when it is another. */
export const headResource = async (
  context: GsContext,
  key: string,
  named: Named = {},
): Promise<Resource | undefined> => {
  throwIfCancelled(context.signal);
  try {
    const value = await context.calls.json(
      {
        method: 'GET',
        path: objectPath(context.bucket, context.prefix + key),
        query: { fields: resourceFields, ...named },
      },
      context.signal,
    );
    context.state.answered = true;
    const resource = resourceOf(value);
    if (resource !== undefined) return resource;
  } catch (error) {
    if (isRefused(error, 404)) return undefined;
    if (isRefused(error, 412))
      throw new Lc2Error('OBJECT_CHANGED', 'the object is no longer the version that was listed', {
        where: whereIs(context, key),
      });
    throw translate(context, key, error);
  }
  throw new Lc2Error('STORE_FAILED', 'the answer lacks size, time or generation', { where: whereIs(context, key) });
};
