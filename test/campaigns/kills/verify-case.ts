// A verification in which something is killed: it finds no damage where none is, and changes nothing.
import { hunt, requireClearEnd, type Shot, succeed } from './hunt.ts';
import { type RestoreSetting, sourceOf } from './restore-case.ts';
import type { World } from './world.ts';

export interface VerifySetting {
  readonly from: RestoreSetting['from'];
}

interface Verdict {
  readonly ok: boolean;
  readonly problems: readonly { readonly code: string; readonly key: string }[];
}

const sound = { ok: true, problems: [] };

export const killVerify = async (world: World, { from }: VerifySetting, shot: Shot): Promise<string> => {
  const source = await sourceOf(world, from);
  const before = JSON.stringify(await source.storage.facts());
  const args = ['verify', source.backupId, '-f', await source.file(undefined), '--objects', 'full', '--json'];
  const hunted = await hunt(world, args, shot);
  requireClearEnd(hunted, shot);
  const { status, stdout, stderr } = hunted.result;
  requireNoDamage(status, stdout);
  if (status !== 0) requireSound((await succeed(world, args)).stdout);
  if (JSON.stringify(await source.storage.facts()) !== before) throw new Error(`the storage changed: ${stderr}`);
  const left = [...(await source.storage.unfinished()), ...(await world.lab.leftBehind())];
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  return `${hunted.hit ? 'in flight' : 'missed'}, ended ${status}`;
};

/** Who sees damage throws a good backup away. */
const requireNoDamage = (status: number, stdout: string): void => {
  if (status === 0) return requireSound(stdout);
  if (stdout === '') return;
  const { problems } = JSON.parse(stdout) as Verdict;
  const damage = problems.filter(({ code }) => /DAMAGED|INVALID|NOT_FOUND/.test(code));
  if (damage.length > 0) throw new Error(`a sound backup is called damaged: ${JSON.stringify(damage)}`);
};

const requireSound = (stdout: string): void => {
  const { ok, problems } = JSON.parse(stdout) as Verdict;
  if (JSON.stringify({ ok, problems }) !== JSON.stringify(sound)) throw new Error(`it is not sound: ${stdout}`);
};
