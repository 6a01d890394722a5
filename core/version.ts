/** Of the product; a test compares it with package.json. Part of every manifest. */
export const toolVersion = '0.1.0';
