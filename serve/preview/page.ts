import { Html, markup } from './html.ts';
import type { PreviewFeed, PreviewPost } from './feeds.ts';
import { style } from './style.ts';

export interface PreviewPage {
  generation: string | null;
  participants: readonly string[];
  participant: string | null;
  feed: PreviewFeed | null;
  /** Arms that the feed can be compared with. */
  others: readonly string[];
  other: string | null;
  /** What an arm is called on this page. */
  nameOf: (arm: string) => string;
  masked: boolean;
  isHidden: (uri: string) => boolean;
}

const number = (value: number | null, digits = 3): string =>
  value === null ? 'not known' : String(Number(value.toFixed(digits)));

const sources: Record<string, string> = {
  in_network: 'the participant follows the author',
  popular: 'many liked it',
  similar: 'it is like what the participant liked',
  fresh: 'it is new',
};

/** Why a post is where it is. What only one arm's policy has would name the arm, so it waits until arms may be seen. */
function reasons(post: PreviewPost, { masked, nameOf }: PreviewPage): Html {
  const rows: [string, string][] = [
    ['came in because', sources[post.candidateSource] ?? post.candidateSource],
    ['place before the shuffle', String(post.positionBeforeShuffle)],
    ['chance of this place', post.propensity === null ? 'no shuffle' : number(post.propensity)],
    ['followed', post.isInNetwork ? 'yes' : 'no'],
    ['in their last feed', post.servedBefore ? 'yes' : 'no'],
    ['likes', post.likes === null ? 'not captured' : String(post.likes)],
    ['age', `${number(post.hoursOld, 1)} h`],
    ['similarity to popular posts', number(post.similarity)],
  ];
  if (!masked)
    rows.push(
      ['score', number(post.score, 6)],
      ['of it, likes', number(post.likeScore)],
      ['of it, freshness', number(post.freshnessScore)],
      ['toxic', number(post.toxic)],
      ['constructive', number(post.constructive)],
      ['political', number(post.sociopolitical)],
      ['factor of the treatment', number(post.treatmentMultiplier)],
      ['factor for superposters', number(post.superposterMultiplier)],
    );
  for (const [arm, place] of Object.entries(post.elsewhere))
    rows.push([`place in ${nameOf(arm)}`, String(place)]);
  return markup`<details>
    <summary>Why is this here?</summary>
    <dl>
      ${rows.map(
        ([name, value]) =>
          markup`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
  </details>`;
}

function postItem(place: number, post: PreviewPost, page: PreviewPage): Html {
  const hidden = page.isHidden(post.uri);
  const words = hidden
    ? 'This post was deleted since: readers are not shown it.'
    : (post.text ?? 'The words of this post are not in the lake.');
  return markup`<li${hidden || post.text === null ? markup` class="gap"` : ''}><span class="place">${place}</span><article><div class="who">${post.handle === null ? `${post.author.slice(0, 16)}…` : `@${post.handle}`} <span class="soft">${number(post.hoursOld, 0)} h</span></div><p class="text">${words}</p>${reasons(post, page)}</article></li>`;
}

/** The same posts at the places that they would have had in another arm; places of posts that the feed lacks are named. */
function otherItems(feed: PreviewFeed, other: string, page: PreviewPage): Html[] {
  const placed = feed.posts
    .flatMap((post) => (post.elsewhere[other] === undefined ? [] : [{ place: post.elsewhere[other], post }]))
    .sort((a, b) => a.place - b.place);
  const items: Html[] = [];
  let next = 1;
  for (const { place, post } of placed) {
    if (place > next)
      items.push(
        markup`<li class="gap">
          <span class="place">${next === place - 1 ? next : `${next}–${place - 1}`}</span>
          <p class="text">
            ${place - next === 1 ? 'A post' : `${place - next} posts`} not on the first page of
            ${page.nameOf(feed.arm)}
          </p>
        </li>`,
      );
    items.push(postItem(place, post, page));
    next = place + 1;
  }
  return items;
}

const option = (value: string, label: string, selected: string | null): Html =>
  markup`<option value="${value}" ${value === selected ? markup` selected` : ''}>${label}</option>`;

/** The whole page. No script, and no address of another site. */
export function previewPage(page: PreviewPage): string {
  const { generation, participants, participant, feed, others, other, nameOf, masked } = page;
  const choice = markup`<form method="get" action="/preview">
    <label
      >Participant<select name="participant">
        ${participants.map((id) => option(id, id === '_default' ? 'Default feed' : id, participant))}
      </select></label
    >
    ${
      others.length > 0 &&
      markup`<label
        >Beside<select name="arm">
          ${others.map((arm) => option(nameOf(arm), nameOf(arm), other === null ? null : nameOf(other)))}
        </select></label
      >`
    }
    <button>Show</button>
  </form>`;
  const columns =
    feed === null
      ? markup`<section>
          <h2>Nothing to show</h2>
          <ol>
            <li class="gap">
              <span></span>
              <p class="text">
                ${generation === null ? 'No generation has been published yet.' : 'This participant has no feed in the generation in force.'}
              </p>
            </li>
          </ol>
        </section>`
      : markup`<section>
            <h2>${nameOf(feed.arm)} <span class="soft">as it is served, ${feed.posts.length} posts</span></h2>
            <ol>
              ${feed.posts.map((post) => postItem(post.position, post, page))}
            </ol>
          </section>
          ${
            other !== null &&
            markup`<section>
              <h2>${nameOf(other)} <span class="soft">where the same posts would stand</span></h2>
              <ol>
                ${otherItems(feed, other, page)}
              </ol>
            </section>`
          }`;
  return `<!doctype html>\n${
    markup`<html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>Feeds, side by side</title>
        ${styleElement}
      </head>
      <body>
        <header>
          <h1>Feeds, side by side</h1>
          <p class="soft">
            Generation ${generation ?? 'none'}.
            ${masked ? 'Arms are masked: letters, and no part of a score that would tell them apart.' : 'Arms are shown: who sees this is not blind any more.'}
          </p>
          ${choice}
        </header>
        <main>${columns}</main>
      </body>
    </html>`.text
  }`;
}

// exactly these letters: the policy of the page allows them by their hash
const styleElement = new Html(`<style>${style}</style>`);
