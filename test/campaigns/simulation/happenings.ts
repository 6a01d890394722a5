import type { Time } from '../../../controller/time.ts';
import type { HiddenFault } from './plan.ts';
import type { Process } from './process.ts';
import type { Server } from './server.ts';

export interface Machinery {
  readonly time: Time;
  readonly server: Server;
  readonly argo: { down: boolean };
  /** What the clock of the controller's machine is off by. */
  readonly clock: { skewMs: number };
  readonly processes: readonly Process[];
  readonly startController: () => void;
  /** A fault has just begun, worked or ended. */
  readonly fault: () => void;
}

const slowMs = 2000;
const silenceMs = 35_000;

/** What goes wrong with the machinery, at a time and for a while. */
export const createHappenings = (machinery: Machinery): ((what: HiddenFault, ms: number) => void) => {
  const { time, server, argo, clock, processes, startController, fault } = machinery;
  const { objects, weather, watches } = server;
  const usualMs = weather.latencyMs;
  const depths = new Map<HiddenFault, number>();

  const killAll = (): void => {
    for (const process of processes) process.kill();
  };

  /** The same may be drawn twice, and overlap. */
  const during = (what: HiddenFault, ms: number, set: (on: boolean) => void): void => {
    const depth = (depths.get(what) ?? 0) + 1;
    depths.set(what, depth);
    set(true);
    time.after(ms, () => {
      const left = (depths.get(what) ?? 1) - 1;
      depths.set(what, left);
      if (left === 0) set(false);
      fault();
    });
  };

  const lasting: Readonly<Partial<Record<HiddenFault, (on: boolean) => void>>> = {
    'server down': (on) => {
      weather.down = on;
      if (on) watches.cutAll();
    },
    'server overloaded': (on) => {
      weather.overloaded = on;
    },
    'server slow': (on) => {
      weather.latencyMs = on ? slowMs : usualMs;
    },
    'argo down': (on) => {
      argo.down = on;
    },
    'no CRD': (on) => {
      weather.noArgo = on;
    },
  };

  const sudden: Readonly<Partial<Record<HiddenFault, (ms: number) => void>>> = {
    crash: (ms) => {
      killAll();
      time.after(ms, () => {
        fault();
        killAll();
        startController();
      });
    },
    /** A controller that starts anew on a server that lags behind. */
    'server stale': (ms) => {
      const then = objects.version();
      time.after(ms, () => {
        during('server stale', ms, (on) => {
          weather.staleAt = on ? then : undefined;
          if (!on) watches.pump();
        });
        killAll();
        startController();
      });
    },
    'cut watches': () => {
      watches.cutAll();
    },
    'silence watches': () => {
      watches.silence();
      time.after(silenceMs, fault);
    },
    'forget history': () => {
      objects.compact();
      watches.cutAll();
      watches.refuseNext(3);
    },
    'clock step': (ms) => {
      clock.skewMs += ms;
    },
    'second controller': () => {
      startController();
    },
    pause: (ms) => {
      const frozen = processes.find((process) => process.isAlive());
      frozen?.freeze();
      time.after(ms, () => {
        frozen?.thaw();
        fault();
      });
    },
  };

  return (what, ms) => {
    const set = lasting[what];
    if (set === undefined) sudden[what]?.(ms);
    else during(what, ms, set);
  };
};
