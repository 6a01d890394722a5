/** All strings of a value with their paths, as `spec.templates[1].container.env[0].value`. */
export interface Place {
  readonly path: string;
  readonly text: string;
}

export const stringsOf = (value: unknown, path: string): Place[] => {
  if (typeof value === 'string') return [{ path, text: value }];
  if (Array.isArray(value)) return value.flatMap((inner, index) => stringsOf(inner, `${path}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => stringsOf(inner, `${path}.${key}`));
};

/** Contents of `{{…}}`. */
export const tagsOf = (text: string): string[] => [...text.matchAll(/\{\{(.*?)\}\}/g)].map(([, tag = '']) => tag);

/** `workflow.parameters.x` and its index form, of a tag or a bare expression. */
export const referencesOf = (text: string): string[] =>
  [...text.matchAll(/\b((?:workflow|inputs)\.parameters)(?:\.([-\w]+)|\['([^']+)'\])/g)].map(
    ([, scope = '', plain, indexed]) => `${scope}.${plain ?? indexed ?? ''}`,
  );
