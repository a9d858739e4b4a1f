import { describe, expect, test } from 'vitest';
import { planNetwork, type NetworkPlan, type PlannedWrite } from '../../network/plan.ts';
import { everyday } from '../../network/texts/everyday.ts';
import { seeded } from '../../network/seeded.ts';
import { expand, uniqueTexts } from '../../network/texts/grammar.ts';

const plan = planNetwork();
const writes = (of: NetworkPlan = plan) =>
  of.sessions.flatMap((session) =>
    session.writes.map((write) => ({ ...write, by: session.account, second: session.second })),
  );
const likesOf = (() => {
  const counts = new Map<number, number>();
  for (const write of writes())
    if (write.kind === 'like') counts.set(write.post, (counts.get(write.post) ?? 0) + 1);
  return (post: number) => counts.get(post) ?? 0;
})();

describe('the plan of the network', () => {
  test('is the same for the same seed, to the last text, follow and like, in the same order', () => {
    expect(planNetwork('one')).toEqual(planNetwork('one'));
  });

  test('is another network for another seed', () => {
    const [one, two] = [planNetwork('one'), planNetwork('two')];
    expect(one.posts.map((post) => post.text)).not.toEqual(two.posts.map((post) => post.text));
    expect(one.accounts.map((account) => account.handle)).not.toEqual(
      two.accounts.map((account) => account.handle),
    );
    expect(one.followedByParticipants).not.toEqual(two.followedByParticipants);
  });

  test('has at least 60 accounts and 750 posts in at least six languages', () => {
    expect(plan.accounts.length).toBeGreaterThanOrEqual(60);
    expect(plan.posts.length).toBeGreaterThanOrEqual(750);
    const languages = new Set(plan.accounts.filter((a) => a.role === 'foreign').map((a) => a.subject));
    expect(languages.size + 1).toBeGreaterThanOrEqual(6);
    expect(new Set(plan.accounts.map((account) => account.handle)).size).toBe(plan.accounts.length);
    for (const { handle } of plan.accounts) expect(handle).toMatch(/^[a-z-]{3,18}\.test$/);
  });

  test.each(['feedtrial', 'a', 'b', 'c'])('never says the same thing twice (seed %s)', (seed) => {
    const texts = planNetwork(seed).posts.map((post) =>
      post.text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, ''),
    );
    expect(new Set(texts).size).toBe(texts.length);
  });

  test('writes nothing that a post cannot hold, and leaves no slot of a grammar open', () => {
    for (const { text } of plan.posts) {
      expect([...text].length).toBeLessThanOrEqual(300);
      expect(text).not.toMatch(/[{}[\]|]|undefined/);
    }
  });

  test('has one author who writes more than five posts a day all the time, and nobody else close to it', () => {
    const counts = plan.accounts.map((_, i) => plan.posts.filter((post) => post.account === i).length);
    const days = plan.windowSeconds / 86_400;
    plan.accounts.forEach((account, i) => {
      const perDay = (counts[i] ?? 0) / days;
      if (account.role === 'superposter') expect(perDay).toBeGreaterThan(10);
      else expect(perDay).toBeLessThan(5);
    });
  });

  test('refers only to what exists at that moment', () => {
    const postAt = new Map<number, number>();
    const deleted = new Set<number>();
    const standing = new Set<string>();
    let previous = -1;
    for (const session of plan.sessions) {
      expect(session.second).toBeGreaterThan(previous);
      expect(session.second).toBeLessThan(plan.windowSeconds);
      previous = session.second;
      expect(session.writes.length).toBeLessThanOrEqual(200);
      const namesPost = (write: PlannedWrite): write is Extract<PlannedWrite, { post: number }> =>
        'post' in write;
      for (const write of session.writes) {
        if (write.kind === 'post') {
          const post = plan.posts[write.post];
          expect(post?.account).toBe(session.account);
          for (const other of [post?.replyTo, post?.quote])
            if (other !== undefined) expect(postAt.get(other)).toBeLessThan(session.second);
          postAt.set(write.post, session.second);
          continue;
        }
        if (namesPost(write)) {
          expect(postAt.get(write.post)).toBeLessThan(session.second);
          expect(deleted.has(write.post)).toBe(false);
        }
        const edge = `${session.account} ${'post' in write ? write.post : 'account' in write ? write.account : ''}`;
        if (write.kind === 'like' || write.kind === 'follow') {
          expect(standing.has(`${write.kind} ${edge}`)).toBe(false);
          standing.add(`${write.kind} ${edge}`);
        }
        if (write.kind === 'unlike' || write.kind === 'unfollow')
          expect(standing.delete(`${write.kind.slice(2)} ${edge}`)).toBe(true);
        if (write.kind === 'deletePost') deleted.add(write.post);
      }
    }
  });

  test('has likes with a long tail', () => {
    const counts = plan.posts.map((post) => likesOf(post.id)).sort((a, b) => b - a);
    const all = counts.reduce((sum, n) => sum + n, 0);
    const topFifth = counts.slice(0, Math.floor(counts.length / 5)).reduce((sum, n) => sum + n, 0);
    expect(topFifth / all).toBeGreaterThan(0.5);
    expect(counts.filter((n) => n <= 2).length).toBeGreaterThan(counts.length / 4);
    expect(counts[0]).toBeGreaterThan(25);
  });

  test('has something for every filter, popular enough that only the filter keeps it out of a feed', () => {
    const popular = (role: string) =>
      plan.posts.filter((post) => plan.accounts[post.account]?.role === role && likesOf(post.id) >= 10)
        .length;
    expect(popular('excludelisted')).toBeGreaterThan(2);
    expect(popular('adult')).toBeGreaterThan(2);
    expect(popular('foreign')).toBeGreaterThan(5);
    expect(popular('leaver')).toBeGreaterThan(2);
    expect(popular('superposter')).toBeGreaterThan(3);
    expect(
      plan.posts.filter((post) => post.fate === 'deleted' && likesOf(post.id) >= 10).length,
    ).toBeGreaterThan(5);
    expect(
      plan.posts.some((post) => post.langs[0] === 'en' && plan.accounts[post.account]?.role === 'foreign'),
    ).toBe(true);
    for (const kind of ['unlike', 'unfollow', 'editPost', 'repost'] as const)
      expect(writes().some((write) => write.kind === kind)).toBe(true);
    expect(writes().some((write) => write.kind === 'profile' && write.edit)).toBe(true);
    expect(plan.posts.some((post) => post.replyTo !== undefined)).toBe(true);
    expect(plan.posts.some((post) => post.quote !== undefined)).toBe(true);
  });

  test('lets all participants follow the same accounts, so that their feeds differ by arm', () => {
    const following = plan.accounts.flatMap((account, i) => {
      if (account.role !== 'participant') return [];
      const followed = new Set<number>();
      for (const write of writes())
        if (write.by === i && write.kind === 'follow') followed.add(write.account);
        else if (write.by === i && write.kind === 'unfollow') followed.delete(write.account);
      return [[...followed].sort((a, b) => a - b)];
    });
    expect(following.length).toBeGreaterThanOrEqual(6);
    for (const followed of following)
      expect(followed).toEqual([...plan.followedByParticipants].sort((a, b) => a - b));
  });
});

describe('a grammar', () => {
  test('fills slots within slots and chooses among alternatives', () => {
    const grammar = { slots: { a: ['{b} tram'], b: ['late'] }, lines: ['the {a} is [here|here].'] };
    expect(expand(grammar, seeded('x'))).toBe('The late tram is here.');
  });

  test('refuses a slot that it does not have', () => {
    expect(() => expand({ slots: {}, lines: ['a {nothing}'] }, seeded('x'))).toThrow(/nothing/);
  });

  test('says when it has no new text left', () => {
    const write = uniqueTexts(seeded('x'));
    const small = { slots: {}, lines: ['one', 'two'] };
    write(small);
    write(small);
    expect(() => write(small)).toThrow(/exhausted/);
  });

  test.each(Object.keys(everyday))('has hundreds of texts about %s', (subject) => {
    const grammar = everyday[subject];
    if (!grammar) throw new Error(subject);
    const write = uniqueTexts(seeded('many'));
    expect(() => Array.from({ length: 200 }, () => write(grammar))).not.toThrow();
  });
});
