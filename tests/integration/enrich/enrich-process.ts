// A process of its own that labels the queue, to be killed: folder, file of asks, mark.
import { enrich } from '../../../enrich/index.ts';
import { loadConfig } from '../../../ops/config/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { recordingLabeler } from './recording-labeler.ts';

const [asksFile, mark] = process.argv.slice(2) as [string, string];
silenceProgress();
await enrich({ config: loadConfig(), known: [recordingLabeler(asksFile, Number(mark), 40)] });
