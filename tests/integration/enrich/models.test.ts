import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelers, openEmbedder, type Embedder, type QueuedPost } from '../../../enrich/index.ts';
import { findEmbeddingWeights } from '../../../enrich/embeddings/weights.ts';
import { areaUnderCurve, spearman } from '../../../enrich/students/evaluate.ts';
import { starterFile } from '../../../enrich/students/starter.ts';
import { fitToxic, readComments } from '../../../enrich/students/train-toxic.ts';
import { encodeNgramStudent } from '../../../enrich/students/weights-file.ts';
import { loadConfig } from '../../../ops/config/index.ts';
import { dataFile, hasData } from '../../data.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

const config = loadConfig({});
let embedder: Embedder;
beforeAll(async () => {
  embedder = await openEmbedder(config);
});
afterAll(() => embedder.close());

const postOf = (text: string, i: number): QueuedPost => ({
  uri: `at://did:plc:author/app.bsky.feed.post/${i}`,
  cid: 'cid',
  did: 'did:plc:author',
  text,
  attempt: 1,
  embedding: null,
});

/** The first value of each text, by the labeler as the runner would ask it. */
async function ask(name: string, texts: readonly string[]) {
  const labeler = labelers.find((one) => one.name === name);
  if (!labeler) throw new Error(`no labeler ${name}`);
  const open = await labeler.open({ config, runId: 'test', embedder: async () => embedder });
  const answers = await open.ask(texts.map(postOf), new AbortController().signal);
  await open.close();
  return answers.map((answer) => {
    if (answer.status !== 'ok' || !('values' in answer)) throw new Error(`${name} gave no value`);
    return answer.values[0] as { label: string; score: number; textValue?: string };
  });
}

const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, d) => sum + x * (b[d] as number), 0);

describe('embeddings', () => {
  const texts = [
    'The cat sleeps on the warm windowsill.',
    'A kitten is napping by the sunny window.',
    'The central bank raised interest rates by a quarter point.',
    '',
    '🎉🎉🎉',
    '今日はとてもいい天気ですね',
    'word '.repeat(600),
    'a lone surrogate \ud83d here',
  ];

  it('are 384 numbers of unit length for any text', async () => {
    for (const vector of await embedder.embed(texts)) {
      expect(vector).toHaveLength(384);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    }
  });

  it('of a text are the same number for number in any company', async () => {
    const together = await embedder.embed(texts);
    const turned = (await embedder.embed(texts.toReversed())).reverse();
    for (const [i, text] of texts.entries()) {
      const [alone] = await embedder.embed([text]);
      expect(together[i]).toEqual(alone);
      expect(turned[i]).toEqual(alone);
    }
  });

  it('come to whoever asked for them, where several ask at once', async () => {
    const alone = [];
    for (const text of texts) alone.push(await embedder.embed([text]));
    expect(await Promise.all(texts.map((text) => embedder.embed([text])))).toEqual(alone);
  });

  it('say which file the model is in that can not be loaded', async () => {
    const folder = temporaryFolder();
    const { tokenizer, tokenizerConfig } = findEmbeddingWeights(config);
    copyFileSync(tokenizer, path.join(folder, 'tokenizer.json'));
    copyFileSync(tokenizerConfig, path.join(folder, 'tokenizer_config.json'));
    writeFileSync(path.join(folder, 'model.onnx'), 'no model');
    await expect(openEmbedder(configIn(folder, { FEEDTRIAL_MODELS: folder }))).rejects.toMatchObject({
      code: 'FT_ENRICH_WEIGHTS_BROKEN',
      message: expect.stringContaining(path.join(folder, 'model.onnx')) as string,
    });
  });

  it('are nearer for like meaning than for like words', async () => {
    const [cat, kitten, bank, river] = (await embedder.embed([
      ...texts.slice(0, 3),
      'The river bank was covered in interesting flowers.',
    ])) as [Float32Array, Float32Array, Float32Array, Float32Array];
    expect(cosine(cat, kitten)).toBeGreaterThan(0.5);
    expect(cosine(cat, bank)).toBeLessThan(0.2);
    expect(cosine(bank, river)).toBeLessThan(cosine(cat, kitten));
  });
});

describe('language', () => {
  it.each([
    ['en', 'I finally finished reading that book you told me about.'],
    ['en', 'Vote tomorrow, and bring a friend!'],
    ['es', '¿Alguien sabe dónde puedo comprar entradas para el concierto?'],
    ['pt', 'Hoje acordei cedo para caminhar na praia com os meus cachorros.'],
    ['de', 'Heute Abend koche ich Suppe und lese mein Buch zu Ende.'],
    ['fr', 'Je ne comprends pas pourquoi le train est encore en retard.'],
    ['ja', '今日はとてもいい天気ですね。散歩に行きましょう。'],
    ['ko', '오늘은 날씨가 정말 좋아서 산책을 하고 싶어요.'],
    ['ar', 'ذهبت اليوم إلى السوق واشتريت الكثير من الفواكه الطازجة'],
    ['ru', 'Сегодня мы гуляли по городу и ели мороженое.'],
    ['und', '🎉🎉🎉'],
    ['und', 'https://example.com/lots-of-english-words-here @alice.example.com #english'],
    ['und', ''],
  ])('%s: %s', async (code, text) => {
    const [value] = await ask('language', [text]);
    expect(value?.textValue).toBe(code);
    if (code === 'und') expect(value?.score).toBe(0);
    else expect(value?.score).toBeGreaterThan(0.5);
  });

  it('looks at the words of the post, not at its links and handles', async () => {
    const [value] = await ask('language', [
      'Das ist wirklich schön geworden @someone.english.example https://news.example.com/the-english-article-about-this',
    ]);
    expect(value?.textValue).toBe('de');
  });
});

describe('starter students', () => {
  it('score an insult over its polite counterpart', async () => {
    const pairs = [
      [
        'You are a complete idiot and nobody wants to hear your stupid opinion.',
        'I see it differently, could you say more?',
      ],
      ['Shut up, you pathetic loser.', 'Please keep us posted, we are happy for you.'],
      ['What a disgusting, worthless piece of garbage you are.', 'What a lovely piece of music you wrote.'],
    ] as const;
    for (const pair of pairs) {
      const [rude, civil] = await ask('student_toxicity', pair);
      expect(rude?.score).toBeGreaterThan((civil?.score ?? 1) + 0.2);
    }
  });

  it('tell politics from the rest of life', async () => {
    const [senate, rights, soup, game] = await ask('student_sociopolitical', [
      'The senate is about to vote on the immigration bill, call your senator.',
      'Abortion rights are on the ballot in three states this November.',
      'My soup needs more garlic and an hour on low heat.',
      'Just finished the last level of this game, what a soundtrack!',
    ]);
    for (const political of [senate, rights])
      for (const other of [soup, game]) expect(political?.score).toBeGreaterThan((other?.score ?? 1) + 0.2);
  });

  it('read a stored embedding as they would compute it', async () => {
    const text = 'We should listen to both sides and look at the evidence before deciding.';
    const [computed] = await ask('student_constructive', [text]);
    const labeler = labelers.find((one) => one.name === 'student_constructive');
    const open = await labeler?.open({
      config,
      runId: 'test',
      embedder: async () => {
        throw new Error('it must not be loaded');
      },
    });
    const [embedding] = await embedder.embed([text]);
    const [answer] =
      (await open?.ask(
        [{ ...postOf(text, 1), embedding: embedding as Float32Array }],
        new AbortController().signal,
      )) ?? [];
    expect(answer).toEqual({ status: 'ok', values: [computed] });
  });

  it('refuse embeddings of another model', async () => {
    const labeler = labelers.find((one) => one.name === 'student_constructive');
    const open = await labeler?.open({
      config,
      runId: 'test',
      embedder: async () => ({ ...embedder, version: 'another' }),
    });
    await expect(open?.ask([postOf('text', 1)], new AbortController().signal)).rejects.toMatchObject({
      code: 'FT_ENRICH_OTHER_EMBEDDINGS',
    });
  });
});

describe.skipIf(!hasData)(
  'the committed toxicity student, on real comments that it was not trained on',
  () => {
    it('orders as its teacher does, as its card says', async () => {
      const { heldOut } = readComments(dataFile('toxicity/comments.csv'));
      expect(heldOut.length).toBeGreaterThan(3000);
      const scores = (
        await ask(
          'student_toxicity',
          heldOut.map(({ text }) => text),
        )
      ).map(({ score }) => score);
      const teacher = heldOut.map((row) => row.teacher);
      const rho = spearman(scores, teacher) as number;
      const auc = areaUnderCurve(
        scores,
        teacher.map((p) => p >= 0.5),
      ) as number;
      expect(rho).toBeGreaterThanOrEqual(0.68);
      expect(auc).toBeGreaterThanOrEqual(0.94);
      const card = readFileSync(starterFile('toxic').replace(/json$/, 'md'), 'utf8');
      expect(card).toContain(`| ${rho.toFixed(3)} [`);
      expect(card).toContain(`| ${auc.toFixed(3)} [`);
    });

    it('is what training it again gives, byte for byte', () => {
      const { train } = readComments(dataFile('toxicity/comments.csv'));
      const file = starterFile('toxic');
      // the file's own form: comparing two million numbers one by one takes long
      expect(encodeNgramStudent('toxic', fitToxic(train)) === readFileSync(file, 'utf8')).toBe(true);
    });
  },
);
