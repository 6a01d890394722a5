import { type MoverPair, moverContract } from './mover-contract.ts';
import { makeFolder, makeMoto, makeVersitygw, type StoreFixture } from './store-fixture.ts';

type Make = () => Promise<StoreFixture>;

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
