import { expect } from 'vitest';
import { listLine } from '../../core/plan/transfer-list.ts';
import type { TransferJob } from '../../core/ports/transfer-service.ts';
import { openTransfer } from '../../steps/services/index.ts';
import { openStore } from '../../steps/stores/index.ts';
import { startTransferFake, type TransferFake } from '../fakes/storage-transfer/server.ts';
import { type MoverPair, moverContract } from './mover-contract.ts';
import { listed, makeAzblob, makeFolder, makeGs, makeMoto, makeVersitygw, type StoreFixture } from './store-fixture.ts';

type Make = () => Promise<StoreFixture>;

const gs: Make = () => makeGs();
const azblob: Make = () => makeAzblob();

const between =
  (from: Make, to: Make): MoverPair['make'] =>
  async () => {
    const [source, target] = await Promise.all([from(), to()]);
    return { source, target, close: async () => void (await Promise.all([source.close(), target.close()])) };
  };

const within =
  (make: Make): MoverPair['make'] =>
  async () => {
    const fixture = await make();
    return { source: fixture, target: fixture, close: fixture.close };
  };

moverContract('stream, file to file', { mover: 'stream', make: between(makeFolder, makeFolder) });
moverContract('stream, file to versitygw', { mover: 'stream', make: between(makeFolder, makeVersitygw) });
moverContract('stream, moto to file', { mover: 'stream', make: between(makeMoto, makeFolder) });
moverContract('stream, moto to versitygw', { mover: 'stream', make: between(makeMoto, makeVersitygw) });
moverContract('copy, within versitygw', { mover: 'copy', make: within(makeVersitygw) });
moverContract('copy, within moto', { mover: 'copy', make: within(makeMoto) });
moverContract('rclone, file to file (all of it by stream)', { mover: 'rclone', make: between(makeFolder, makeFolder) });
moverContract('rclone, file to versitygw', { mover: 'rclone', make: between(makeFolder, makeVersitygw) });
moverContract('rclone, moto to versitygw', { mover: 'rclone', make: between(makeMoto, makeVersitygw) });
moverContract('rclone, within versitygw', { mover: 'rclone', make: within(makeVersitygw) });
moverContract('rclone, gs to versitygw (all of it by stream)', { mover: 'rclone', make: between(gs, makeVersitygw) });
moverContract('copy, within gs', { mover: 'copy', make: within(gs) });
moverContract('copy, within azblob', { mover: 'copy', make: within(azblob) });
moverContract('stream, gs to azblob', { mover: 'stream', make: between(gs, azblob) });
moverContract('stream, azblob to gs', { mover: 'stream', make: between(azblob, gs) });
moverContract('stream, moto to gs', { mover: 'stream', make: between(makeMoto, gs) });
moverContract('stream, azblob to versitygw', { mover: 'stream', make: between(azblob, makeVersitygw) });
moverContract('stream, gs to file', { mover: 'stream', make: between(gs, makeFolder) });
moverContract('stream, file to azblob', { mover: 'stream', make: between(makeFolder, azblob) });

/** The service copies what it can before the mover looks; then the mover answers for all of it. */
const transferred = (): MoverPair => {
  let fake: TransferFake;
  return {
    mover: 'storage-transfer',
    adoptsListed: true,
    make: async () => {
      const fixture = await makeGs();
      fake = await startTransferFake({ project: 'retail-prd', buckets: fixture.front.endpoint });
      const close = async (): Promise<void> => {
        await fake.stop();
        await fixture.close();
        if (fake.violations[0] !== undefined) throw new Error(fake.violations[0]);
      };
      return { source: fixture, target: fixture, close };
    },
    before: async (orders, { from, to, target, signal }) => {
      const named = orders.filter((order) => order.createOnly && order.to === `to/${order.from.key}`);
      const number = fake.cloud.jobs.length;
      const lists = await openStore({ ...to, signal, subfolder: 'lists' });
      await lists.put(`${number}.csv`, Buffer.from(named.map((order) => listLine(order.from)).join('')));
      const spec = { project: 'retail-prd', minimumObjects: 1, endpoint: fake.endpoint };
      const service = openTransfer({ spec, secrets: {}, signal });
      const job: TransferJob = {
        kind: 'transfer',
        name: `transferJobs/contract-${number}`,
        source: { bucket: 'contract', path: `${from.subfolder}/` },
        sink: { bucket: 'contract', path: `${to.subfolder}/to/` },
        list: `gs://contract/lists/${number}.csv`,
        count: named.length,
        bytes: named.reduce((sum, order) => sum + order.from.size, 0),
      };
      const before = await listed(target);
      await service.wait(job, await service.start(job));
      // Nothing that stood there was touched.
      const after = await listed(target);
      expect(after.filter(({ key }) => before.some((each) => each.key === key))).toEqual(before);
    },
  };
};

moverContract('storage-transfer, within gs', transferred());
