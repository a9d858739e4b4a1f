/** How one thing stands. 'warn' doesn't hinder this machine's work, or only part of it. */
export interface Finding {
  /** Such as 'python'. */
  name: string;
  state: 'ok' | 'warn' | 'fail';
  /** What was found. */
  found: string;
  /** What to do; null where it is ok. */
  fix: string | null;
}

export type Check = () => Promise<Finding | Finding[]>;

export const ok = (name: string, found: string): Finding => ({ name, state: 'ok', found, fix: null });
export const warn = (name: string, found: string, fix: string): Finding => ({
  name,
  state: 'warn',
  found,
  fix,
});
export const fail = (name: string, found: string, fix: string): Finding => ({
  name,
  state: 'fail',
  found,
  fix,
});
