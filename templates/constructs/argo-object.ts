import { ApiObject, type ApiObjectMetadata, JsonPatch } from 'cdk8s';
import type { Construct } from 'constructs';
import type { ArgoKinds } from '../argo/index.ts';

/** An object of Argo, typed: a field that Argo does not have does not compile. */
export const argoObject = <K extends keyof ArgoKinds>(
  scope: Construct,
  kind: K,
  object: { readonly metadata: ApiObjectMetadata; readonly spec: NonNullable<ArgoKinds[K]['spec']> },
): void => {
  const made = new ApiObject(scope, `${kind}-${object.metadata.name ?? ''}`, {
    apiVersion: 'argoproj.io/v1alpha1',
    kind,
    ...object,
  });
  // A name of its own would win over generateName.
  if (object.metadata['generateName'] !== undefined) made.addJsonPatch(JsonPatch.remove('/metadata/name'));
};
