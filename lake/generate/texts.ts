/**
 * Sentences for generated posts: a text is one opening, one middle and one ending of its language and tone, drawn apart,
 * with `{n}` replaced by a number so that most texts differ. Written for this project; nobody's words.
 */
export interface Phrases {
  language: string;
  /** What the post is about and how it says so; generated labels follow it. */
  tone: Tone;
  openings: string[];
  middles: string[];
  endings: string[];
}

export type Tone = 'everyday' | 'heated' | 'constructive' | 'spam' | 'adult' | 'short';

export const phrases: Phrases[] = [
  {
    language: 'en',
    tone: 'everyday',
    openings: [
      'Finally finished',
      'This morning I started',
      'Nobody told me how calm it is to sit with',
      'My neighbour lent me',
      'After the rain I went back to',
      'Spent the whole train ride with',
      'I keep coming back to',
      'Half asleep, but happy about',
      'The best part of the weekend was',
      'Sharing a photo of',
      'Quietly proud of',
      'Still thinking about',
    ],
    middles: [
      'chapter {n} of a novel about lighthouse keepers',
      'a sourdough that took {n} hours to rise',
      'the garden bed where {n} tulips came up',
      'a jumper that I have been knitting for {n} days',
      'the hiking trail with {n} wooden bridges',
      'an old radio that needed {n} new parts',
      'a jigsaw puzzle of {n} hundred pieces',
      'a choir rehearsal with {n} other tenors',
      'a telescope that shows {n} moons if you are patient',
      'the bicycle I bought {n} years ago',
      'a recipe for soup that feeds {n} people',
      'a small game that I am writing in {n} lines of code',
    ],
    endings: [
      'and the coffee was still warm.',
      'and now the cat will not leave me alone.',
      'which is more than I hoped for this week.',
      'and I would do it all again tomorrow.',
      'so ask me anything about it.',
      'with the windows open and the birds loud.',
      'before the children woke up.',
      'and it made the evening feel longer.',
      'though my hands are tired.',
      'thanks to everyone who gave me advice.',
    ],
  },
  {
    language: 'en',
    tone: 'heated',
    openings: [
      'Only an idiot believes',
      'These corrupt clowns in congress want',
      'I am sick of liars who defend',
      'Shame on every senator behind',
      'What a disgusting election stunt:',
      'The governor is a coward and so is',
      'Wake up, you fools, and look at',
      'It is pathetic how the party cheers for',
    ],
    middles: [
      'tax law number {n} that robs working people',
      'the {n} page bill nobody in the government has read',
      'a ballot measure that shuts {n} polling places',
      'the minister who lied {n} times on live television',
      'a border policy that a child of {n} could see through',
      'the budget vote that cut {n} clinics',
      'a court ruling bought with {n} million dollars',
      'the campaign that hired {n} trolls',
    ],
    endings: [
      'and you morons keep voting for them.',
      'so throw the whole rotten lot out.',
      'because they hate people like you and me.',
      'and anyone who says otherwise is a liar.',
      'it makes me furious and it should enrage you too.',
      'what a bunch of spineless parasites.',
      'they ought to be ashamed of themselves.',
    ],
  },
  {
    language: 'en',
    tone: 'constructive',
    openings: [
      'I disagree with the council, yet I can see why they proposed',
      'Two fair questions for both parties about',
      'Having read the report, I changed my mind on',
      'Could we compare the evidence for',
      'My friend votes the other way and taught me something about',
      'A measured look at the election promise of',
      'Here is what the senate committee actually said on',
      'I would like to hear from those affected by',
    ],
    middles: [
      'the housing plan that adds {n} homes a year',
      'a carbon price of {n} euros',
      'the proposal to move {n} buses to the suburbs',
      'a school budget that grows by {n} percent',
      'the voting reform that {n} towns have tried',
      'a health insurance change for {n} thousand families',
      'the amendment that {n} members of congress signed',
      'a pension rule that starts at age {n}',
    ],
    endings: [
      'because the trade-offs are real and worth talking through.',
      'since the data from other countries points both ways.',
      'and I welcome corrections if I got a number wrong.',
      'so perhaps a pilot with a review after a year would help.',
      'therefore I suggest we publish the costs first.',
      'and I think both sides have a point here.',
    ],
  },
  {
    language: 'en',
    tone: 'spam',
    openings: ['FREE followers now!!!', 'Earn cash from home!!!', 'Limited crypto airdrop!!!'],
    middles: ['Click https://win.example/{n}', 'Sign up at https://deal.example/{n}'],
    endings: ['#free #crypto #giveaway #win #follow', 'promo code WIN today only', '100% guaranteed profit'],
  },
  {
    language: 'en',
    tone: 'adult',
    openings: ['New set for subscribers:', 'Late night content warning:', 'For adults only:'],
    middles: ['{n} uncensored pictures', 'a clip of {n} minutes'],
    endings: ['on my page, link in bio.', 'over eighteen only please.', 'message me for more.'],
  },
  {
    language: 'en',
    tone: 'short',
    openings: ['ok', 'same', 'lol', 'wow', 'this'],
    middles: [''],
    endings: [''],
  },
  {
    language: 'ja',
    tone: 'everyday',
    openings: ['今朝は', 'やっと', '雨の日に', '友達と', '久しぶりに'],
    middles: [
      '駅前の店で{n}個のパンを買って',
      '{n}話まで物語を読んで',
      '庭の花を{n}本数えて',
      '古い映画を{n}分だけ見て',
    ],
    endings: [
      'とても楽しかったです。',
      '少し眠くなりました。',
      '元気が出ました。',
      'また行きたいと思います。',
    ],
  },
  {
    language: 'pt',
    tone: 'everyday',
    openings: ['Hoje de manhã', 'Depois da chuva', 'Finalmente', 'Com os meus amigos'],
    middles: [
      'fui à feira e comprei {n} laranjas',
      'terminei o capítulo {n} do meu livro',
      'andei {n} quilômetros na praia',
      'cozinhei feijão para {n} pessoas',
    ],
    endings: ['e o dia ficou muito melhor.', 'e agora só quero descansar.', 'e não me arrependo de nada.'],
  },
  {
    language: 'de',
    tone: 'everyday',
    openings: ['Heute Morgen', 'Nach langer Zeit', 'Endlich', 'Mit den Nachbarn'],
    middles: [
      'habe ich {n} Gläser Marmelade gekocht',
      'bin ich {n} Kilometer durch den Wald gelaufen',
      'haben wir {n} Lieder im Chor gesungen',
      'ist das Regal mit {n} Brettern fertig geworden',
    ],
    endings: [
      'und jetzt gibt es Kuchen.',
      'und es war wunderbar ruhig.',
      'obwohl es die ganze Zeit regnete.',
    ],
  },
  {
    language: 'es',
    tone: 'everyday',
    openings: ['Esta mañana', 'Por fin', 'Después de comer', 'Con mi hermana'],
    middles: [
      'preparé {n} empanadas para la fiesta',
      'leí {n} páginas de una novela larga',
      'caminamos {n} kilómetros junto al río',
      'arreglé una silla que tiene {n} años',
    ],
    endings: ['y todavía no lo creo.', 'y mañana repetimos.', 'y el gato se durmió encima.'],
  },
  {
    language: 'fr',
    tone: 'everyday',
    openings: ['Ce matin', 'Enfin', 'Après la pluie', 'Avec mes voisins'],
    middles: [
      "j'ai planté {n} tomates sur le balcon",
      "j'ai relu {n} pages d'un vieux roman",
      'nous avons chanté {n} chansons dans la cuisine',
      "j'ai réparé un vélo qui a {n} ans",
    ],
    endings: ['et le café était encore chaud.', 'et je recommence dès demain.', 'malgré le vent de la nuit.'],
  },
];
