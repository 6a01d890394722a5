import { apiGroup, apiVersion } from '../../core/api/common.ts';
import { kinds, type KindDescriptor } from '../../core/api/index.ts';
import { structuralSchema } from '../../core/api/structural.ts';
import { services } from '../../core/services/index.ts';
import { stores } from '../../core/stores/index.ts';
import { fieldsOf, fieldTable } from './fields.ts';
import { code, page, table } from './markdown.ts';

const kindSection = (descriptor: KindDescriptor): string => {
  const { kind, plural, shortNames, description } = descriptor;
  const spec = structuralSchema(descriptor.spec, 'spec');
  const rules = spec['x-kubernetes-validations'];
  const messages = Array.isArray(rules) ? rules.map(({ message }: { message: string }) => `- ${message}`) : [];
  return [
    `## ${kind}`,
    description,
    `${code(`kubectl get ${plural}`)}, short ${shortNames.map(code).join(', ')}. ` +
      `Columns: ${descriptor.columns.map(({ name }) => name).join(', ')}.`,
    '### spec',
    ...(messages.length === 0 ? [] : [`Rules of the whole spec:\n\n${messages.join('\n')}`]),
    fieldTable(fieldsOf(spec, 'spec')),
    '### status',
    fieldTable(fieldsOf(structuralSchema(descriptor.status, 'status'), 'status')),
  ].join('\n\n');
};

const secretRows = (): string[][] =>
  [
    ...Object.values(services).map(({ name, secretKeys: { required, optional } }) => ({
      of: `database, ${name}`,
      sets: [required],
      optional,
    })),
    ...Object.values(stores).map(({ scheme, secretKeys }) => ({ of: `${scheme}://`, ...secretKeys })),
  ].map(({ of, sets, optional }) => [of, sets.map((set) => codes(set)).join(' or '), codes(optional)]);

const codes = (keys: readonly string[]): string => keys.map((key) => code(key)).join(', ');

export const apiPage = (): string =>
  page(
    'API',
    `Group ${code(apiGroup)}, version ${code(apiVersion)}. ${code('kubectl get lc2')} lists all kinds. Unknown fields are refused.`,
    ...Object.values(kinds).map(kindSection),
    '## Keys of Secrets',
    table(['for', 'keys', 'optional keys'], secretRows()),
  );
