import { type MoverPair, moverContract } from './mover-contract.ts';
import { makeAzblob, makeFolder, makeGs, makeMoto, makeVersitygw, type StoreFixture } from './store-fixture.ts';

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
