import type { Row } from './row.ts';
import { cloudServiceRows } from './cloud-services.ts';
import { cloudWorkRows } from './cloud-work.ts';
import { dataRows } from './data.ts';
import { faultRows } from './faults.ts';
import { wishes } from './wishes.ts';

/** Every way in which we thought that we could be broken, and the test that shows what comes of it. */
export const badInput = [...wishes, ...dataRows];
export const faults: readonly Row[] = faultRows;
export const clouds = [...cloudServiceRows, ...cloudWorkRows];
