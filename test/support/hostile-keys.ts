// Keys that folders, shells, listings, XML, URLs and string order get wrong.

const long = (length: number, letter: string): string => letter.repeat(length);

/** A folder can hold these under their own names. */
export const fileKeys: readonly string[] = [
  'plain.txt',
  'a b+c%20%2F.txt',
  ' leading and trailing ',
  'new\nline',
  'tab\tcr\rbell\u0007del\u007f',
  `quotes ' " \` $HOME $(id) ; & | < > * ? [x] {a,b} !`,
  'back\\slash\\',
  '-rf',
  '--',
  '~tilde/~x',
  '~ab/cdef',
  '...',
  '.hidden/..two/...three',
  'CASE/Twin',
  'case/twin',
  'Case/twin',
  'ünï/é',
  'ünï/e\u0301',
  '漢字/😀',
  '\uffee',
  '😀',
  '__proto__/constructor',
  'manifest.json',
  'run.json',
  '19700101-000000/manifest.json',
  'a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p',
  'sorted/a',
  'sorted/a.b',
  'sorted/a-b',
  'sorted0',
  long(255, 'x'),
  long(85, '漢'),
  `${`${long(200, 'd')}/`.repeat(4)}end`,
  'trailing.dot.',
  '%00%2e%2e%2f',
  '\u200bzero\u2028width',
  '{{workflow.name}}',
];

/** An object store can hold these too, a folder cannot. */
export const bucketKeys: readonly string[] = [
  ...fileKeys,
  'p',
  'p/q',
  'p//q',
  '/leading',
  'trailing/',
  'dots/../x',
  'dots/./x',
  '..',
  '.',
  '//',
  `${long(500, 'y')}/${long(500, 'z')}`,
  long(1024, 'k'),
];

export const contentOf = (key: string, version = 1): string => `${version} ${key} ${long(key.length * 7, '.')}`;
