import { App, Chart } from 'cdk8s';
import { stringify } from 'yaml';
import type { ChartFile } from './chart.ts';
import type { Images } from './constructs/images.ts';
import { exampleCharts } from './examples.ts';
import { installChart, installParts } from './install.ts';
import { tenantChart } from './tenant.ts';

export const chartFiles: readonly ChartFile[] = [installChart, ...installParts, tenantChart, ...exampleCharts];

/** Files by path, as they are written; the same input gives the same bytes. */
export const synthesize = (images: Images): ReadonlyMap<string, string> => {
  const app = new App();
  return new Map(
    chartFiles.map(({ file, build }) => {
      const chart = new Chart(app, file.replaceAll(/[^a-z0-9]+/g, '-'), { disableResourceNameHashes: true });
      build(chart, images);
      return [file, yamlOf(chart.toJson())];
    }),
  );
};

/** kubectl reads YAML 1.1, where more plain words are booleans and numbers than in 1.2. */
const yamlOf = (objects: readonly unknown[]): string =>
  objects
    .map((object) =>
      stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false, sortMapEntries: true }),
    )
    .join('---\n');
