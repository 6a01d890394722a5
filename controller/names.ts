import { createHash } from 'node:crypto';
import { apiGroup } from '../core/api/common.ts';

/** Names and labels of what the controller makes. Same request, same name: that is what makes a creation happen once. */

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const finalizer = `${apiGroup}/run`;
export const fieldManager = 'lc2-backup';

export const labels = {
  requestUid: `${apiGroup}/request-uid`,
  requestKind: `${apiGroup}/request-kind`,
  request: `${apiGroup}/request`,
  /** Also put on every run by the templates themselves, so that runs nobody requested are seen. */
  environment: `${apiGroup}/environment`,
  project: `${apiGroup}/project`,
  instance: 'workflows.argoproj.io/controller-instanceid',
  parameterConfigMap: 'workflows.argoproj.io/configmap-type',
} as const;

export interface RequestIdentity {
  readonly name: string;
  readonly uid: string;
}

const nameBytes = 63;

const derived = (prefix: string, { name, uid }: RequestIdentity): string => {
  const mark = uid.replaceAll('-', '').slice(0, 8).toLowerCase();
  const room = nameBytes - prefix.length - mark.length - 1;
  const middle = name.replaceAll('.', '-').slice(0, room).replace(/-+$/, '');
  return `${prefix}${middle}-${mark}`;
};

export const workflowName = (request: RequestIdentity): string => derived('lc2-', request);
export const verifyWorkflowName = (request: RequestIdentity): string => derived('lc2-verify-', request);

/** A label holds 63 bytes, a name 253. */
export const labelValue = (name: string): string =>
  name.length <= 63 ? name : `${name.slice(0, 46)}-${sha256(name).slice(0, 16)}`;
