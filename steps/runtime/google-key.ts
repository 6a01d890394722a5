import { Lc2Error } from '../../core/errors.ts';

/** The JSON key of the Secret; empty: whoever the process is. A token never travels over plain http. */
export const keyFor = (endpoint: string | undefined, secrets: Readonly<Record<string, string>>): string => {
  const key = secrets['credentials.json']?.trim() ?? '';
  if (endpoint?.startsWith('http://') === true && key !== '') {
    throw new Lc2Error('ENVIRONMENT_INVALID', 'credentials.json is not sent over plain http', {
      where: endpoint,
      remedy: 'use an https endpoint, or a Secret without credentials.json',
    });
  }
  return key;
};

export const keyRemedy = 'put the JSON key of a service account into credentials.json';

/** `where` is told with the error. */
export const parseKey = (key: string, where?: string): unknown => {
  try {
    return JSON.parse(key);
  } catch {
    // What JSON.parse says shows a piece of the text.
    throw new Lc2Error('SECRET_MISSING', 'credentials.json of the Secret is not JSON', {
      ...(where !== undefined && { where }),
      remedy: keyRemedy,
    });
  }
};
