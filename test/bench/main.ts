import { benchCloudCopy } from './cloud-copy.ts';
import { benchCloudList } from './cloud-list.ts';
import { benchController } from './controller.ts';
import { benchCopy } from './copy.ts';
import { benchDump } from './dump.ts';
import { benchFilter } from './filter.ts';
import { benchLibrary } from './library.ts';
import { benchLoad } from './load.ts';
import { benchMemory } from './memory.ts';
import { benchMovers } from './movers.ts';
import { benchOverhead } from './overhead.ts';
import { benchStart } from './start.ts';
import { benchSynth } from './synth.ts';
import { isMissed, printRows, type Row } from './table.ts';

/** `npm run bench -- [name]…`: ends with 1 when a goal was missed. */
const benches = {
  filter: benchFilter,
  synth: benchSynth,
  start: benchStart,
  dump: benchDump,
  load: benchLoad,
  memory: benchMemory,
  overhead: benchOverhead,
  copy: benchCopy,
  library: benchLibrary,
  controller: benchController,
  movers: benchMovers,
  'cloud-copy': benchCloudCopy,
  'cloud-list': benchCloudList,
};

const say = (text: string): void => void process.stdout.write(text);

const wanted = process.argv.slice(2);
const rows: Row[] = [];
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const found = await bench();
  if ('text' in found) say(`${found.text}\n`);
  rows.push(...('text' in found ? found.rows : found));
}
say(printRows(rows));
if (rows.some(isMissed)) process.exitCode = 1;
