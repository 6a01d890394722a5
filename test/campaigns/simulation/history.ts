import { planText } from './plan.ts';
import type { Call } from './server.ts';
import type { Ending } from './world.ts';

const bodyText = (body: unknown): string => {
  if (body === undefined) return '';
  if (Array.isArray(body)) return JSON.stringify(body);
  const { status, spec, metadata } = body as {
    status?: { phase?: string; message?: string };
    spec?: { shutdown?: string };
    metadata?: { finalizers?: string[] };
  };
  return [
    status?.phase,
    status?.message,
    spec?.shutdown,
    metadata?.finalizers && `finalizers [${metadata.finalizers.join(' ')}]`,
  ]
    .filter(Boolean)
    .join(', ');
};

const callText = ({ index, by, verb, plural, name, subresource = '', body, answer, changed }: Call): string => {
  const asked = [verb, plural, name, subresource, bodyText(body)].filter(Boolean).join(' ');
  return `call ${index} ${by}: ${asked} -> ${answer}${changed ? ', written' : ''}`;
};

/** What happened in a life, in order: virtual time, who, what, answer. */
export const historyOf = (ending: Ending, until = Number.POSITIVE_INFINITY): string => {
  const { calls, events, deeds, runs, requests } = ending;
  const lines: { readonly at: number; readonly text: string }[] = [
    ...calls.map((call) => ({ at: call.at, text: callText(call) })),
    ...events.map(({ at, index, text }) => ({ at, text: `event ${index}: ${text}` })),
    ...deeds.map(({ at, what }) => ({ at, text: `somebody: ${what}` })),
    ...runs.flatMap(({ name, template, sealedAt, endedAt, endedAs, goneAt }) => [
      ...(sealedAt === undefined ? [] : [{ at: sealedAt, text: `${template} ${name} sealed` }]),
      ...(endedAt === undefined ? [] : [{ at: endedAt, text: `${template} ${name} ended as ${endedAs ?? ''}` }]),
      ...(goneAt === undefined ? [] : [{ at: goneAt, text: `${template} ${name} gone` }]),
    ]),
    ...requests.flatMap(({ name, terminalAt, terminalPhase }) =>
      terminalAt === undefined ? [] : [{ at: terminalAt, text: `request ${name} is ${terminalPhase ?? ''}` }],
    ),
  ];
  const told = lines.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
  return [planText(ending.plan), ...told.map(({ at, text }) => `${String(at).padStart(9)} ${text.trim()}`)].join('\n');
};
