import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { z } from 'zod';
import type { KindDescriptor } from '../../core/api/index.ts';
import { apiGroup } from '../../core/api/common.ts';
import { structuralSchema } from '../../core/api/structural.ts';
import { commonLabels } from './names.ts';

export interface CrdOptions {
  readonly descriptor: KindDescriptor;
  /** Of metadata.name, where Kubernetes' own rule is too wide. */
  readonly name?: z.ZodType;
}

/** The CustomResourceDefinition of a kind, its schema made from zod. */
export const customResourceDefinition = (scope: Construct, { descriptor, name }: CrdOptions): ApiObject => {
  const { kind, plural, shortNames, description, spec, status, columns } = descriptor;
  const singular = kind.toLowerCase();
  return new ApiObject(scope, plural, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${apiGroup}`, labels: { ...commonLabels } },
    spec: {
      group: apiGroup,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [...shortNames], categories: ['lc2'] },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns.map((column) => ({ ...column })),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: {
                  type: 'object',
                  ...(name === undefined ? {} : { properties: { name: structuralSchema(name, 'metadata.name') } }),
                },
                spec: structuralSchema(spec, 'spec'),
                status: structuralSchema(status, 'status'),
              },
            },
          },
        },
      ],
    },
  });
};
