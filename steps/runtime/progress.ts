import { writeFileSync } from 'node:fs';

/** How far a step is, as Argo reads it: `N/M` in a file, here percent of the flow that the step is worth. */
export interface Progress {
  /** From 0 to 1; going back is ignored. */
  set(fraction: number): void;
}

export interface ProgressOptions {
  readonly file: string | undefined;
  readonly share: number;
  readonly now: () => number;
}

export const createProgress = ({ file, share, now }: ProgressOptions): Progress => {
  let shown = -1;
  let written = Number.NEGATIVE_INFINITY;
  return {
    set: (fraction) => {
      const done = Math.min(share, Math.max(0, Math.floor(fraction * share)));
      const soon = now() - written < 1000 && done < share;
      // Put this way, a fraction that is no number is ignored too.
      if (file === undefined || !(done > shown) || soon) return;
      shown = done;
      written = now();
      writeFileSync(file, `${done}/${share}\n`);
    },
  };
};
