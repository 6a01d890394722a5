/** No knowledge of the application: everything is kept. */
export const generic = {
  name: 'generic',
  title: 'any application',
  /** Rules for objects that the application makes again by itself. */
  generatedFiles: [],
  ignoreDatabases: [],
} as const;
