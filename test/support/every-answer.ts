// What a call of a service may be answered with, one after the other, and what comes of each.
import { Lc2Error } from '../../core/errors.ts';

export const answerNames = ['401', '403', '404', '409', '412', '429', '500', '503', 'reset'] as const;
export type AnswerName = (typeof answerNames)[number];

/** Code of the catalogue by answer; `done` where the work comes to its end all the same. */
export type Ends = Readonly<Record<AnswerName, string>>;

/** A call in the service's words, the work in which it is made, and what differs from the other calls. */
export type AnsweredCall<Service> = readonly [
  call: string,
  work: (service: Service) => Promise<unknown>,
  more?: Partial<Ends>,
];

export const named = <Service>(calls: readonly AnsweredCall<Service>[]) =>
  calls.map(([call, work, more = {}]) => [call, { work, more }] as const);

/** Whoever waits for work to end looks again: it outlives what passes. */
export const outlived = { '429': 'done', '500': 'done', '503': 'done', reset: 'done' } as const;

const endOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof Lc2Error) return error.code;
    throw error;
  }
};

export const endsOf = async (
  answer: (name: AnswerName) => void,
  work: () => Promise<unknown>,
): Promise<Record<string, string>> => {
  const ends: Record<string, string> = {};
  for (const name of answerNames) {
    answer(name);
    ends[name] = await endOf(work());
  }
  return ends;
};
