import type { Grammar } from './grammar.ts';

/** Texts that a filter for English has to leave out. */
export const otherLanguages: Record<string, Grammar> = {
  de: {
    slots: {
      wann: [
        'Heute Morgen',
        'Gestern Abend',
        'Am Wochenende',
        'In der Mittagspause',
        'Nach dem Regen',
        'Vor dem Frühstück',
      ],
      was: [
        'auf dem Wochenmarkt',
        'im Schrebergarten',
        'in der Straßenbahn',
        'beim Bäcker um die Ecke',
        'am Flussufer',
        'in der Stadtbibliothek',
      ],
      wer: [
        'meine Nachbarin',
        'ein alter Schulfreund',
        'mein Großvater',
        'die Frau vom Blumenladen',
        'ein kleiner Junge mit Roller',
      ],
      gefuehl: [
        'und ich musste den ganzen Tag lächeln',
        'und keiner hatte es eilig',
        'was mir sehr gutgetan hat',
        'obwohl es in Strömen regnete',
      ],
    },
    lines: [
      '{wann} {was}: {wer} hat mir eine Geschichte erzählt, {gefuehl}.',
      '{wann} habe ich {was} zwei Stunden lang gelesen, {gefuehl}.',
      'Wer kennt ein gutes Rezept für Zwetschgenkuchen? {wer} schwört auf Zimt und wenig Zucker.',
      '{wann} stand {wer} {was} und sang laut vor sich hin, {gefuehl}.',
      'Manchmal reicht ein Spaziergang {was}, damit die Woche wieder leichter wird. {wann} war so ein Tag.',
    ],
  },
  es: {
    slots: {
      cuando: [
        'Esta mañana',
        'Anoche',
        'El domingo',
        'Después de comer',
        'Antes del trabajo',
        'Al salir de clase',
      ],
      donde: [
        'en el mercado del barrio',
        'junto al río',
        'en la estación',
        'en la biblioteca',
        'en la plaza vieja',
        'en el huerto de mi tía',
      ],
      quien: ['mi vecina', 'un señor mayor', 'mi hermano', 'la panadera', 'un niño con una cometa'],
      fin: [
        'y me alegró el día',
        'y nadie tenía prisa',
        'aunque llovía a cántaros',
        'y nos reímos muchísimo',
      ],
    },
    lines: [
      '{cuando} {donde} me encontré con {quien}, {fin}.',
      '{cuando} pasé dos horas leyendo {donde}, {fin}.',
      '¿Alguien tiene una buena receta de lentejas? {quien} dice que el secreto está en el pimentón.',
      '{cuando} {quien} se puso a cantar {donde}, {fin}.',
      'A veces basta con un paseo {donde} para que la semana pese menos. {cuando} fue uno de esos días.',
    ],
  },
  pt: {
    slots: {
      quando: [
        'Hoje de manhã',
        'Ontem à noite',
        'No domingo',
        'Depois do almoço',
        'Antes do trabalho',
        'No fim da tarde',
      ],
      onde: [
        'na feira do bairro',
        'à beira do rio',
        'na estação de trem',
        'na biblioteca',
        'no café da esquina',
        'na horta da minha avó',
      ],
      quem: [
        'a minha vizinha',
        'um velho amigo',
        'o meu irmão',
        'a moça da padaria',
        'um menino com uma pipa',
      ],
      fim: [
        'e isso alegrou o meu dia',
        'e ninguém estava com pressa',
        'mesmo chovendo muito',
        'e nós rimos bastante',
      ],
    },
    lines: [
      '{quando} {onde} encontrei {quem}, {fim}.',
      '{quando} fiquei duas horas lendo {onde}, {fim}.',
      'Alguém conhece uma boa receita de pão de queijo? Segundo {quem}, o segredo é o forno bem quente.',
      '{quando} {quem} começou a cantar {onde}, {fim}.',
      'Às vezes uma caminhada {onde} já deixa a semana mais leve. {quando} foi um desses dias.',
    ],
  },
  fr: {
    slots: {
      quand: [
        'Ce matin',
        'Hier soir',
        'Dimanche dernier',
        'Après le déjeuner',
        'Avant le travail',
        'En fin de journée',
      ],
      ou: [
        'au marché du quartier',
        'au bord du canal',
        'à la gare',
        'à la bibliothèque',
        'sur la vieille place',
        'dans le jardin de ma tante',
      ],
      qui: ['ma voisine', 'un vieil ami', 'mon frère', 'la boulangère', 'un enfant avec un cerf-volant'],
      fin: [
        'et cela a égayé ma journée',
        'et personne n’était pressé',
        'alors qu’il pleuvait des cordes',
        'et nous avons beaucoup ri',
      ],
    },
    lines: [
      '{quand} {ou}, j’ai croisé {qui}, {fin}.',
      '{quand}, j’ai lu pendant deux heures {ou}, {fin}.',
      'Quelqu’un aurait une bonne recette de soupe à l’oignon ? Selon {qui}, il faut du temps et du beurre.',
      '{quand}, {qui} s’est mis à chanter {ou}, {fin}.',
      'Parfois, une promenade {ou} suffit pour que la semaine soit plus légère. {quand}, c’était le cas.',
    ],
  },
  ja: {
    slots: {
      itsu: ['今朝', '昨日の夜', '日曜日に', '昼休みに', '仕事の前に', '雨が止んでから'],
      doko: ['近所の市場で', '川のそばで', '駅のホームで', '図書館で', '古い喫茶店で', '祖母の畑で'],
      dare: ['隣のおばさん', '昔の友だち', '弟', 'パン屋さん', '凧を持った子ども'],
      owari: [
        'とても嬉しかったです',
        '一日中笑顔でした',
        '心が少し軽くなりました',
        '忘れられない時間になりました',
      ],
    },
    lines: [
      '{itsu}{doko}{dare}に会って、{owari}。',
      '{itsu}{doko}二時間くらい本を読んでいました。{owari}。',
      'おいしい味噌汁の作り方を知っている人はいますか。{dare}は出汁が大事だと言っていました。{itsu}試してみます。',
      '{itsu}{dare}が{doko}歌い始めて、{owari}。',
      '散歩をするだけで気分が変わることがあります。{itsu}{doko}そう思いました。{owari}。',
    ],
  },
};
