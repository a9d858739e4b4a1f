// Erases someone and dies at a step, the first of a name or the n-th of all. Started by tests, with settings in the environment.
import { loadConfig } from '../../../ops/config/index.ts';
import { erase, openStudyStore } from '../../../study/index.ts';

const [who = '', at = ''] = process.argv.slice(2);
let steps = 0;
const store = await openStudyStore(loadConfig());
await erase(store, {
  who,
  onStep: (step) => {
    if (++steps !== Number(at) && step !== at) return;
    process.send?.(step);
    process.kill(process.pid, 'SIGKILL');
  },
});
process.send?.('ended');
await store.close();
