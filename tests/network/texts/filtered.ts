import type { Grammar } from './grammar.ts';

/** What a feed has to leave out for other reasons than its language. */
export const adult: Grammar = {
  slots: {
    set: [
      'A new photo set',
      'The second part of the shoot',
      'A short clip',
      'Behind the scenes of the shoot',
      'The uncut gallery',
    ],
    where: [
      'from the studio',
      'from the hotel session',
      'from last weekend',
      'with two guests',
      'in black and white',
    ],
    note: [
      'for adults only, you know where to find it',
      'is up on my page for grown-ups',
      'went live tonight, eighteen and over please',
      'is waiting for my subscribers',
    ],
  },
  lines: [
    '{set} {where} {note}.',
    '{set} {where}: explicit, tasteful, and it {note}.',
    'By request: {set} {where} {note}.',
  ],
};

export const spam: Grammar = {
  slots: {
    prize: [
      'FREE crypto',
      'a free gift card',
      '500 free followers',
      'a guaranteed income',
      'double your bitcoin',
      'cheap followers',
      'a crypto giveaway',
    ],
    urge: [
      'CLICK THE LINK in my bio',
      'DM me now',
      'limited time offer',
      'act now before it is gone',
      'follow for follow',
      'buy now',
      'join our telegram',
    ],
    lure: [
      'work from home and earn $5000 a week',
      '100% guaranteed profit',
      'no risk at all',
      'make money fast',
      'earn money online today',
    ],
  },
  lines: [
    '{prize}!!! {urge}, {lure}!!!',
    'I could not believe it: {lure}. {urge} and get {prize} today!',
    '{urge}! {lure}, {prize} for the first hundred people who answer.',
  ],
};

export const tooShort: readonly string[] = [
  'same',
  'lol',
  'ha!',
  'yes.',
  'nope',
  'wow',
  'mood',
  'hm.',
  'this',
  'ok!',
  'oof',
  'yay',
  'brr',
  'nice',
  'true',
  'huh',
];
