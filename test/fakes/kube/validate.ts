import { backupEnvironmentStatus } from '../../../core/api/backup-environment.ts';
import { requestStatus } from '../../../core/api/request-status.ts';
import { type KubeObject, StatusError } from './objects.ts';

const statusOf: Readonly<Record<string, typeof requestStatus | typeof backupEnvironmentStatus>> = {
  backuprequests: requestStatus,
  restorerequests: requestStatus,
  backupenvironments: backupEnvironmentStatus,
};

/** Argo in its strict mode accepts these beside a workflowTemplateRef, and pods need the two of scheduling. */
const workflowSpecFields = new Set(['workflowTemplateRef', 'arguments', 'shutdown', 'nodeSelector', 'tolerations']);

const refuse = (message: string): never => {
  throw new StatusError(422, 'Invalid', message);
};

/** The schemas that the real server knows from the CRDs. */
export const validate = (plural: string, object: KubeObject): void => {
  const schema = statusOf[plural];
  const parsed = schema?.safeParse(object.status ?? {});
  if (parsed !== undefined && !parsed.success)
    refuse(`${plural} ${object.metadata.name}: status: ${parsed.error.message}`);
  if (plural === 'workflows') {
    const unknown = Object.keys(object.spec ?? {}).find((key) => !workflowSpecFields.has(key));
    if (unknown !== undefined) refuse(`strict decoding error: unknown field "spec.${unknown}"`);
  }
  if (object.metadata.name.length > 253) refuse('metadata.name: too long');
  for (const [key, value] of Object.entries(object.metadata.labels ?? {})) {
    if (value.length > 63) refuse(`metadata.labels: ${key}: must be no more than 63 bytes`);
  }
};
