import type { BackupRequestSpec } from '../api/backup-request.ts';
import type { RestoreRequestSpec } from '../api/restore-request.ts';
import { canonicalLine, type Json } from '../manifest/canonical.ts';

/** Requests as parameters of their flows. */

export const backupParameters = (spec: BackupRequestSpec): Record<string, string> => ({
  environment: spec.environment,
  components: spec.components.join(','),
  full: String(spec.full),
  'creation-type': spec.creationType,
  'creator-name': spec.creator.name,
  'creator-email': spec.creator.email,
});

/** `request` is the name under which storage remembers the restore. */
export const restoreParameters = (spec: RestoreRequestSpec, request: string): Record<string, string> => ({
  into: spec.into,
  source: spec.source ?? '',
  backup: spec.backup.id ?? 'latest',
  before: spec.backup.before ?? '',
  components: spec.components.join(','),
  databases: canonicalLine(spec.databases),
  prefixes: canonicalLine(spec.prefixes),
  'database-mode': spec.databaseMode,
  'new-server': spec.newServer?.name ?? '',
  'objects-mode': spec.objectsMode,
  preview: String(spec.preview),
  confirm: spec.confirm ?? '',
  request,
});

/** `<request>-<digest>` of a RestoreRequest: the same name and wish, applied again anywhere, is the same restore. */
export const restoreRecordName = (
  request: { readonly name: string; readonly namespace: string },
  spec: RestoreRequestSpec,
  sha256: (text: string) => string,
): string => {
  const { cancel: _cancel, ...wish } = spec;
  const { name, namespace } = request;
  const digest = sha256(canonicalLine({ name, namespace, wish: wish as unknown as Json }));
  return `${name.slice(0, 100)}-${digest.slice(0, 16)}`;
};
