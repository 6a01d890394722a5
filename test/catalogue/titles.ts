import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** Titles of the tests of a file, out of its source: what stands for a word of a table is a hole. */

const root = join(import.meta.dirname, '..', '..');
const hole = '\u0000';
const suites = new Set(['describe']);
const tests = new Set(['test', 'it']);

/** `test`, `test.for(rows)`, `describe.each(rows)`: the name that all begins with. */
const calledName = (node: ts.Expression): string => {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return calledName(node.expression);
  return ts.isCallExpression(node) ? calledName(node.expression) : '';
};

const titleOf = (node: ts.Expression | undefined): string | undefined => {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text.replaceAll(/%[sdifjoO]|\$[\w.]+/g, hole);
  if (!ts.isTemplateExpression(node)) return undefined;
  return node.head.text + node.templateSpans.map(({ literal }) => hole + literal.text).join('');
};

const collect = (node: ts.Node, outer: readonly string[], titles: string[]): void => {
  if (ts.isCallExpression(node)) {
    const name = calledName(node.expression);
    const title = titleOf(node.arguments[0]);
    if (title !== undefined && tests.has(name)) titles.push([...outer, title].join(' > '));
    const inner = title !== undefined && suites.has(name) ? [...outer, title] : outer;
    ts.forEachChild(node, (child) => collect(child, inner, titles));
    return;
  }
  ts.forEachChild(node, (child) => collect(child, outer, titles));
};

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

const words = (text: string): string[] => text.match(/[\p{L}\d]{3,}/gu) ?? [];

/** Whether the file has such a test; the words that a table puts into its title must stand in the file too. */
export const hasTitle = (file: string, name: string): boolean => {
  const text = sourceOf(file);
  return titlesOf(file).some((title) => {
    const found = new RegExp(`^${title.split(hole).map(escape).join('(.*?)')}$`, 's').exec(name);
    return (
      found !== null &&
      found
        .slice(1)
        .flatMap(words)
        .every((word) => text.includes(word))
    );
  });
};

const sources = new Map<string, string>();
const sourceOf = (file: string): string => {
  const text = sources.get(file) ?? readFileSync(join(root, file), 'utf8');
  sources.set(file, text);
  return text;
};

const known = new Map<string, readonly string[]>();
const titlesOf = (file: string): readonly string[] => {
  const before = known.get(file);
  if (before) return before;
  const titles: string[] = [];
  collect(ts.createSourceFile(file, sourceOf(file), ts.ScriptTarget.Latest), [], titles);
  known.set(file, titles);
  return titles;
};
