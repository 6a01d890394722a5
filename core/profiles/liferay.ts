/**
 * Liferay keeps what it generates below `<companyId>/0/`, beside portraits and logos that nobody can make again:
 * only the two generated families are named, never the segment. Adaptive media has database rows, so it stays in.
 */
export const liferay = {
  name: 'liferay',
  title: 'Liferay DXP and Portal',
  generatedFiles: ['*/0/document_preview/**', '*/0/document_thumbnail/**'],
  ignoreDatabases: [],
} as const;
