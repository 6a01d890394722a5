import type { Construct } from 'constructs';
import type { Images } from './constructs/images.ts';

/** One generated file: what `build` puts into its chart, in this order. */
export interface ChartFile {
  /** Below the output folder. */
  readonly file: string;
  readonly build: (scope: Construct, images: Images) => void;
}
