import { Lc2Error } from '../../core/errors.ts';
import { layout } from '../../core/plan/layout.ts';
import type { StepContext } from './context.ts';
import type { BackupRun } from './run.ts';

/** Keeps an attempt that was asleep from adding to what another one has finished, and perhaps sealed, meanwhile. */
export interface Fence {
  /** Throws OBJECT_EXISTS when another attempt has finished the step. Asks storage every time. */
  check(): Promise<void>;
  /** The same for each of many objects: asks once in a while, and so at once after a long sleep. */
  pass(): Promise<void>;
}

const whileMs = 5_000;

export const createFence = (context: Pick<StepContext, 'step' | 'clock'>, { storage, stamp }: BackupRun): Fence => {
  const key = layout.step(stamp, context.step);
  let asked = 0;
  const check = async (): Promise<void> => {
    const now = context.clock.now().getTime();
    if ((await storage.head(key)) !== undefined)
      throw new Lc2Error('OBJECT_EXISTS', 'another attempt has finished this step', { where: key });
    asked = now;
  };
  return {
    check,
    pass: async () => {
      if (context.clock.now().getTime() - asked >= whileMs) await check();
    },
  };
};
